"""Places outside a list: refused where they are known, an error while running where they are not, as TensorFlow's."""
import numpy as np
import pytest
import tensorflow as tf

from harness import Case, Spec, binary, reference
from harness.runtimes import RuntimeFailure

raw = tf.raw_ops
X = np.arange(6, dtype=np.float32).reshape(2, 3)


def array(**more):
    return tf.TensorArray(tf.float32, 5, element_shape=[2, 3], **more)


def list_of_five(x):
    return raw.TensorListFromTensor(tensor=tf.stack([x, x + 1, x + 2, x + 3, x + 4]), element_shape=[2, 3])


def stack(handle):
    return raw.TensorListStack(input_handle=handle, element_shape=[2, 3], element_dtype=tf.float32)


def pop(handle):
    return raw.TensorListPopBack(input_handle=handle, element_shape=[2, 3], element_dtype=tf.float32)


def loop_writes(x, n, k):
    return tf.while_loop(lambda i, a: i < n, lambda i, a: (i + 1, a.write(i + k, x)), [0, array()])[1].stack()


def loop_reads(x, n, k):
    handle = list_of_five(x)
    def read(i):
        return raw.TensorListGetItem(input_handle=handle, index=i, element_shape=[2, 3], element_dtype=tf.float32)
    return tf.while_loop(lambda i, s: i < n, lambda i, s: (i + 1, s + read(i + k)), [0, x])[1]


def write(x, n, k):
    return stack(raw.TensorListSetItem(input_handle=list_of_five(x), index=n + k, item=x))


def gather(x, n, k):
    return raw.TensorListGather(input_handle=list_of_five(x), indices=[n, k], element_shape=[2, 3], element_dtype=tf.float32)


def scatter(x, n, k):
    return stack(raw.TensorListScatterV2(tensor=tf.stack([x, -x]), indices=[n, k + 2 * n], element_shape=[2, 3],
                                         num_elements=9))


def pops(x, n, k):
    return tf.while_loop(lambda i, l, s: i < n + k, lambda i, l, s: (i + 1, *(lambda o: (o[0], s + o[1]))(pop(l))),
                         [0, list_of_five(x), x])[2]


# Places from 1 on are inside, (n, k) that are not make TensorFlow fail.
AT_RUN_TIME = {
    "loop writes": (loop_writes, [(3, 3), (2, 7), (1, -1)]),
    "loop reads": (loop_reads, [(3, 3), (2, 7), (1, -1)]),
    "write": (write, [(3, 2), (2, 70), (1, -2)]),
    "gather": (gather, [(5, 0), (0, -1)]),
    "scatter": (scatter, [(1, -3)]),
    "pops": (pops, [(3, 3)]),
}


@pytest.mark.parametrize("name", list(AT_RUN_TIME))
def test_found_while_running(tmp_path, runtimes, name):
    build, outside = AT_RUN_TIME[name]
    specs = [Spec((2, 3)), Spec((), "int32"), Spec((), "int32")]
    built = reference.build(Case("-", name, specs, build))
    (tmp_path / "x.pb").write_bytes(built.graph_def.SerializeToString())
    outcome, _ = binary.convert(tmp_path / "x.pb", tmp_path / "x.tflite",
                                *binary.cut(["in0", "in1", "in2"], built.outputs, [s.flag() for s in specs]))
    assert outcome.status == 0, outcome.text()
    with reference.runner(built.graph_def, built.outputs) as tensorflow:
        for n, k in [(1, 2), (2, 1), *outside]:
            feed = {"in0": X, "in1": np.int32(n), "in2": np.int32(k)}
            np.savez(tmp_path / "in.npz", **feed)
            if (n, k) in outside:
                with pytest.raises(Exception):
                    tensorflow(feed)
                for runtime in runtimes:
                    with pytest.raises(RuntimeFailure):
                        runtime.run(tmp_path / "x.tflite", tmp_path / "in.npz", tmp_path / "out.npz")
                continue
            wanted = tensorflow(feed)
            for runtime in runtimes:
                found = runtime.run(tmp_path / "x.tflite", tmp_path / "in.npz", tmp_path / "out.npz")
                for key, value in wanted.items():
                    np.testing.assert_allclose(found[key], value, rtol=1e-6)


KNOWN = {  # name -> (build, the op and the words of the refusal)
    "write": (lambda x, n: write(x, 7, 0), "TensorListSetItem", "place 7 is outside its list of 5"),
    "write at -1": (lambda x, n: write(x, -1, 0), "TensorListSetItem", "place -1 is outside its list of 5"),
    "write in a loop": (lambda x, n: tf.while_loop(lambda i, a: i < n, lambda i, a: (i + 1, a.write(5, x)), [0, array()])[1].stack(),
                        "TensorListSetItem", "place 5 is outside its list of 5"),
    "write a growing one at -1": (lambda x, n: tf.TensorArray(tf.float32, 0, dynamic_size=True, element_shape=[2, 3])
                                  .write(0, x).write(-1, x).stack(), "TensorListSetItem", "place -1 is outside its list"),
    "read in a loop": (lambda x, n: loop_reads(x, n, 0) + tf.while_loop(
        lambda i, s: i < n, lambda i, s: (i + 1, s + raw.TensorListGetItem(
            input_handle=list_of_five(x), index=8, element_shape=[2, 3], element_dtype=tf.float32)), [0, x])[1],
        "TensorListGetItem", "place 8 is outside its list of 5"),
    "gather": (lambda x, n: gather(x, 5, 0), "TensorListGather", "place 5 is outside its list of 5"),
    "pop": (lambda x, n: pop(raw.EmptyTensorList(element_shape=[2, 3], max_num_elements=-1, element_dtype=tf.float32))[1],
            "TensorListPopBack", "its list is empty"),
}


@pytest.mark.parametrize("name", list(KNOWN))
def test_known_while_converting(tmp_path, name):
    build, op, words = KNOWN[name]
    specs = [Spec((2, 3)), Spec((), "int32")]
    built = reference.build(Case("-", name, specs, build))
    (tmp_path / "x.pb").write_bytes(built.graph_def.SerializeToString())
    outcome, _ = binary.convert(tmp_path / "x.pb", tmp_path / "x.tflite",
                                *binary.cut(["in0", "in1"], built.outputs, [s.flag() for s in specs]))
    assert outcome.status == 4 and op in outcome.stderr and words in outcome.stderr, outcome.text()
    assert not (tmp_path / "x.tflite").exists()
