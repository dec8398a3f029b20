"""Small real models in every flavour of TensorFlow's own formats, made with the real TensorFlow.

    python models.py FOLDER [NAME…]      makes them all (or those named) below FOLDER

Each maker runs in a process of its own: Keras 3 and tf_keras cannot share one cleanly, and TF1 graph
mode leaves traces. Every weight is filled with its own random values, so that a wrong binding shows.
"""
import os
import pathlib
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")


def _randomize(variables):
    import numpy as np
    rng = np.random.default_rng(7)
    for v in variables:
        value = rng.normal(size=v.shape)
        v.assign(value.astype(v.dtype if isinstance(v.dtype, str) else v.dtype.as_numpy_dtype))


def _layers(keras, seed_name="net"):
    """A detector's building blocks, with equal names and shapes in different places."""
    inputs = keras.Input((16, 16, 3), name="image")
    x = keras.layers.Conv2D(8, 3, padding="same", name="stem")(inputs)
    x = keras.layers.BatchNormalization(name="bn")(x)
    block = keras.Sequential([keras.layers.Conv2D(8, 3, padding="same"),
                              keras.layers.BatchNormalization()], name="block")
    x = block(keras.layers.ReLU()(x))
    a = keras.layers.Conv2D(8, 3, padding="same", name="head_a")(x)
    b = keras.layers.Conv2D(8, 3, padding="same", name="head_b")(x)
    c = keras.layers.Dense(4, name="classes")(keras.layers.GlobalAveragePooling2D()(a))
    return keras.Model(inputs, {"boxes": b, "classes": c}, name=seed_name)


def _train(model):
    import numpy as np
    x = np.random.default_rng(1).normal(size=(4, 16, 16, 3)).astype("float32")
    y = {"boxes": np.zeros((4, 16, 16, 8), "float32"), "classes": np.zeros((4, 4), "float32")}
    model.fit(x, y, epochs=1, verbose=0)


def keras3_export(path):
    import keras
    model = _layers(keras)
    _randomize(model.variables)
    model.export(path, verbose=False)


def keras3_saved(path, compiled=False):
    import keras
    import tensorflow as tf
    model = _layers(keras)
    if compiled:
        model.compile("adam", {"boxes": "mse", "classes": "mse"})
        _train(model)
    _randomize(model.variables)
    tf.saved_model.save(model, path)


def keras3_saved_compiled(path):
    keras3_saved(path, compiled=True)


def tf_keras_saved(path):
    import tf_keras as keras
    model = _layers(keras)
    model.compile("adam", {"boxes": "mse", "classes": "mse"})
    _train(model)
    _randomize(model.variables)
    model.save(path, save_format="tf")


def tf_keras_legacy(path):
    import tf_keras as keras
    model = _layers(keras)
    model.compile(keras.optimizers.legacy.Adam(), {"boxes": "mse", "classes": "mse"})
    _train(model)
    _randomize(model.variables)
    model.save(path, save_format="tf")


def tf_keras_export(path):
    import tf_keras as keras
    model = _layers(keras)
    _randomize(model.variables)
    model.export(path)


def module(path):
    import tensorflow as tf

    class Net(tf.Module):
        def __init__(self):
            self.w = [tf.Variable(tf.random.normal([4, 4]), name="w") for _ in range(3)]
            self.table = tf.Variable([1, 2, 3], dtype=tf.int64, name="w")
            self.flag = tf.Variable(True, name="w")
            self.text = tf.Variable(["a", "bc"], name="text")
            self.half = tf.Variable(tf.cast(tf.range(4), tf.float16))
            self.brain = tf.Variable(tf.cast(tf.range(4), tf.bfloat16))
            self.constant = tf.constant([5.0, 6.0])
            self.unused = tf.Variable(3.0, name="unused")

        @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])
        def serve(self, x):
            for w in reversed(self.w):
                x = tf.matmul(x, w)
            i = tf.constant(0)
            while i < 3:
                x, i = x + tf.cast(self.table[0], tf.float32), i + 1
            if self.flag:
                x = x * 2.0
            return {"y": x + self.constant[0], "text": tf.identity(self.text),
                    "half": self.half + 0, "brain": self.brain + 0}

        @tf.function(input_signature=[tf.TensorSpec(None, tf.float32)])
        def any_rank(self, x):
            values, indices = tf.math.top_k(tf.reshape(x, [-1]), 2)
            parts = tf.split(values, 2)
            return indices, parts[1] + self.w[0][0, 0]

    net = Net()
    tf.saved_model.save(net, path, signatures={"serving_default": net.serve, "any": net.any_rank})


def module_tags(path):
    """Other tags than `serve` only exist in TF1 builders; two graphs, one of them for training."""
    import tensorflow as tf
    v1 = tf.compat.v1
    builder = v1.saved_model.Builder(path)
    for number, tags in enumerate([["serve"], ["train"], ["serve", "tpu"]]):
        with tf.Graph().as_default(), v1.Session() as session:
            x = v1.placeholder(tf.float32, [None, 2], name="x")
            w = v1.get_variable("w", initializer=tf.constant([[1.0], [2.0]]), use_resource=True)
            y = tf.identity(tf.matmul(x, w) + float(number), name="y")
            session.run(v1.global_variables_initializer())
            signature = v1.saved_model.predict_signature_def({"x": x}, {"y": y})
            if number == 0:
                builder.add_meta_graph_and_variables(session, tags, {"serving_default": signature})
            else:
                builder.add_meta_graph(tags, {"serving_default": signature})
    builder.save()


def _v1_net(resource, train=False, partitioned=False):
    import tensorflow as tf
    v1 = tf.compat.v1
    x = v1.placeholder(tf.float32, [None, 6], name="x")
    part = v1.fixed_size_partitioner(3) if partitioned else None
    with v1.variable_scope("net", use_resource=resource, partitioner=part):
        w = v1.get_variable("w", [6, 5], initializer=v1.random_normal_initializer())
        with v1.variable_scope("inner", partitioner=v1.fixed_size_partitioner(2, axis=1) if part else None):
            u = v1.get_variable("w", [5, 4], initializer=v1.random_normal_initializer())
        b = v1.get_variable("b", [4], initializer=v1.random_normal_initializer(), partitioner=None)
    y = tf.identity(tf.matmul(tf.matmul(x, tf.convert_to_tensor(w)), tf.convert_to_tensor(u)) + b,
                    name="y")
    if train:
        step = v1.train.get_or_create_global_step()
        v1.train.AdamOptimizer(0.01).minimize(tf.reduce_sum(y * y), global_step=step)
    return x, y


def v1_simple_save(path, resource=False):
    import tensorflow as tf
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x, y = _v1_net(resource, train=True)
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, path, {"x": x}, {"y": y})


def v1_simple_save_resource(path):
    v1_simple_save(path, resource=True)


def v1_partitioned_saved(path):
    import tensorflow as tf
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x, y = _v1_net(True, partitioned=True)
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, path, {"x": x}, {"y": y})


def _v1_checkpoint(path, **net):
    import tensorflow as tf
    v1 = tf.compat.v1
    sharded = net.pop("sharded", False)
    with tf.Graph().as_default(), v1.Session() as session:
        _v1_net(**net)
        saver = v1.train.Saver(sharded=sharded)
        session.run(v1.global_variables_initializer())
        if net.get("train"):
            session.run("Adam", {"x:0": [[1.0] * 6]})
        os.makedirs(path)
        saver.save(session, os.path.join(path, "model.ckpt"), global_step=12)


def v1_checkpoint(path):
    _v1_checkpoint(path, resource=False, train=True)


def v1_checkpoint_resource(path):
    _v1_checkpoint(path, resource=True, train=True, sharded=True)


def v1_checkpoint_partitioned(path):
    _v1_checkpoint(path, resource=False, partitioned=True)


def v1_checkpoint_partitioned_resource(path):
    _v1_checkpoint(path, resource=True, partitioned=True)


def graph_def(path):
    """A GraphDef with every form of constant, in binary and text."""
    import numpy as np
    import tensorflow as tf
    from google.protobuf import text_format
    from tensorflow.core.framework import types_pb2 as t
    v1 = tf.compat.v1
    graph = tf.Graph()
    with graph.as_default():
        x = v1.placeholder(tf.float32, [None, 4, 4, 3], name="x")
        kinds = ["float32", "float64", "float16", "int8", "uint8", "int16", "uint16", "int32", "uint32",
                 "int64", "uint64", "bool", "complex64", "complex128", "bfloat16"]
        for kind in kinds:
            dtype = tf.as_dtype(kind).as_numpy_dtype
            tf.constant(np.arange(12).reshape(3, 4).astype(dtype), name=f"full_{kind}")
            tf.constant(np.array(1).astype(dtype), name=f"scalar_{kind}")
            tf.constant(np.ones((5, 6)).astype(dtype), name=f"ones_{kind}")
            tf.constant(np.ones((0, 6)).astype(dtype), name=f"empty_{kind}")
        tf.constant(["a", "bc\x00\n\"'\\d\u1234", ""], name="strings")
        tf.constant("q", name="string")
        tf.constant([float("inf"), -float("inf"), float("nan"), 1e-42, 3.4e38], name="extremes")
        a, b, c = tf.split(x, 3, axis=3)
        tf.unstack(x, axis=1)
        tf.nn.top_k(x, 2)
        tf.add(a, c, name="sum")
        v1.while_loop(lambda i, y: i < 10, lambda i, y: (i + 1, y * 2), [0, x])
        with tf.control_dependencies([a.op]):
            tf.identity(b, name="after")
        v1.nn.fused_batch_norm(x, tf.ones([3]), tf.zeros([3]))
    definition = graph.as_graph_def()

    def add(name, dtype, shape, **lists):
        node = definition.node.add(name=name, op="Const")
        node.attr["dtype"].type = dtype
        tensor = node.attr["value"].tensor
        tensor.dtype = dtype
        for size in shape:
            tensor.tensor_shape.dim.add().size = size
        for field, values in lists.items():
            getattr(tensor, field).extend(values)

    add("splat_f", t.DT_FLOAT, [3, 4], float_val=[2.5])
    add("tail_f", t.DT_FLOAT, [3, 4], float_val=[2.5, 1, 7])
    add("zero_f", t.DT_FLOAT, [3, 4])
    add("list_f", t.DT_FLOAT, [3], float_val=[1, 2, 3])
    add("splat_i8", t.DT_INT8, [7], int_val=[-3])
    add("tail_i64", t.DT_INT64, [9], int64_val=[-1, 5])
    add("splat_h", t.DT_HALF, [2, 2], half_val=[0x3C00])
    add("list_bf", t.DT_BFLOAT16, [2], half_val=[0x3F80, 0x4000])
    add("tail_b", t.DT_BOOL, [5], bool_val=[False, True])
    add("splat_c", t.DT_COMPLEX64, [2], scomplex_val=[1, 2])
    add("list_z", t.DT_COMPLEX128, [2], dcomplex_val=[1, 2, 3, 4])
    add("list_u32", t.DT_UINT32, [2], uint32_val=[4294967295, 1])
    add("list_u64", t.DT_UINT64, [2], uint64_val=[2**64 - 1, 1])
    add("tail_d", t.DT_DOUBLE, [4], double_val=[1e300, 2])
    add("list_s", t.DT_STRING, [2, 2], string_val=[b"x", b"yy"])
    os.makedirs(path)
    folder = pathlib.Path(path)
    (folder / "graph.pb").write_bytes(definition.SerializeToString())
    (folder / "graph.pbtxt").write_text(text_format.MessageToString(definition))
    (folder / "short.pbtxt").write_text("# a comment\n" + text_format.MessageToString(
        definition, use_short_repeated_primitives=True, pointy_brackets=True))
    (folder / "line.pbtxt").write_text(text_format.MessageToString(definition, as_one_line=True))


SAVED_MODELS = ["keras3_export", "keras3_saved", "keras3_saved_compiled", "tf_keras_saved",
                "tf_keras_legacy", "tf_keras_export", "module", "v1_simple_save",
                "v1_simple_save_resource", "v1_partitioned_saved", "module_tags"]
CHECKPOINTS = ["v1_checkpoint", "v1_checkpoint_resource", "v1_checkpoint_partitioned",
               "v1_checkpoint_partitioned_resource"]


def make(folder, names=None):
    """Makes what is missing below `folder`; each in a process of its own."""
    for name in names or SAVED_MODELS + CHECKPOINTS + ["graph_def"]:
        target = pathlib.Path(folder) / name
        if target.exists():
            continue
        partial = target.with_name(f"{name}.partial")
        code = f"import models; models.{name}({str(partial)!r})"
        subprocess.run([sys.executable, "-c", code], cwd=pathlib.Path(__file__).parent, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=300)
        partial.rename(target)
        print("made", name, flush=True)


if __name__ == "__main__":
    try:
        make(sys.argv[1], sys.argv[2:])
    except subprocess.CalledProcessError as failed:
        sys.exit(failed.stderr.decode()[-3000:])
