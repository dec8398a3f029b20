"""Bad input is normal input: the documented exit status and message, no output file, an existing one untouched."""
import os
import pathlib
import resource
import shutil
import subprocess

import numpy as np
import pytest
import tensorflow as tf

from harness import binary


class Net(tf.Module):
    def __init__(self):
        self.kernel = tf.Variable(np.arange(3 * 3 * 3 * 8, dtype=np.float32).reshape(3, 3, 3, 8) / 100)

    @tf.function(input_signature=[tf.TensorSpec([None, 8, 8, 3], tf.float32, name="image")])
    def __call__(self, image):
        return {"features": tf.nn.relu(tf.nn.conv2d(image, self.kernel, 1, "SAME"))}


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("net") / "saved_model"
    net = Net()
    tf.saved_model.save(net, str(folder), signatures=net.__call__)
    return folder


def graph_def(build):
    graph = tf.Graph()
    with graph.as_default():
        build()
    return graph.as_graph_def()


def simple_graph():
    def build():
        image = tf.compat.v1.placeholder(tf.float32, [None, 4], name="image")
        tf.nn.relu(image * 2.0, name="boxes")
    return graph_def(build)


@pytest.fixture
def frozen(tmp_path):
    path = tmp_path / "frozen.pb"
    path.write_bytes(simple_graph().SerializeToString())
    return path


def refused(source, target, status, *words, flags=()):
    """Converts, expects `status` and every word in the message; nothing may be written."""
    before = target.read_bytes() if target.is_file() else None
    siblings = set(os.listdir(target.parent)) if target.parent.is_dir() else set()
    outcome = binary.run("convert", source, "-o", target, *flags)
    assert outcome.status == status, outcome.text()
    assert outcome.stderr.startswith("pumice: "), outcome.text()
    for word in words:
        assert word in outcome.stderr, (word, outcome.text())
    assert (target.read_bytes() if target.is_file() else None) == before
    if target.parent.is_dir():
        assert set(os.listdir(target.parent)) == siblings, "something was left behind"
    return outcome.stderr


def test_missing_file(tmp_path):
    refused(tmp_path / "nothing.pb", tmp_path / "x.tflite", 3, "nothing.pb")


def test_empty_folder(tmp_path):
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", tmp_path / "x.tflite", 3, "empty", "SavedModel")


def test_unknown_format(tmp_path):
    (tmp_path / "text.pb").write_text("this is no model\n" * 10)
    refused(tmp_path / "text.pb", tmp_path / "x.tflite", 3, "text.pb")


def test_empty_file(tmp_path):
    (tmp_path / "zero.pb").write_bytes(b"")
    refused(tmp_path / "zero.pb", tmp_path / "x.tflite", 3, "zero.pb")


def test_saved_model_without_variables(saved_model, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(saved_model, copy)
    shutil.rmtree(copy / "variables")
    refused(copy, tmp_path / "x.tflite", 3, "variable", "variables")


def test_missing_shard(saved_model, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(saved_model, copy)
    for shard in (copy / "variables").glob("variables.data*"):
        shard.unlink()
    refused(copy, tmp_path / "x.tflite", 3, "variables.data")


def test_weights_file_too_short(saved_model, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(saved_model, copy)
    shard = next((copy / "variables").glob("variables.data*"))
    shard.write_bytes(shard.read_bytes()[:100])
    message = refused(copy, tmp_path / "x.tflite", 3, shard.name)
    assert "expected" in message and "found" in message


def test_unknown_tags_name_those_there_are(saved_model, tmp_path):
    refused(saved_model, tmp_path / "x.tflite", 2, "serve", flags=["--tags", "train"])


def test_unknown_signature_names_those_there_are(saved_model, tmp_path):
    refused(saved_model, tmp_path / "x.tflite", 2, "serving_default", flags=["--signature", "nope"])


def test_unknown_array_lists_near_matches(frozen, tmp_path):
    refused(frozen, tmp_path / "x.tflite", 2, "boxe", "Near matches: boxes", flags=["--output-arrays", "boxe"])


def test_output_number_too_large(frozen, tmp_path):
    refused(frozen, tmp_path / "x.tflite", 2, "boxes", flags=["--output-arrays", "boxes:7"])


@pytest.mark.parametrize("shapes", ["1,5", "1,4,4", "1,4:1,4", "1,x", "1,-2"])
def test_shapes_that_do_not_fit(frozen, tmp_path, shapes):
    refused(frozen, tmp_path / "x.tflite", 2, "--input-shapes", flags=["--input-shapes", shapes])


def test_dangling_input(tmp_path):
    graph = simple_graph()
    next(n for n in graph.node if n.name == "boxes").input[0] = "gone"
    (tmp_path / "g.pb").write_bytes(graph.SerializeToString())
    refused(tmp_path / "g.pb", tmp_path / "x.tflite", 3, "gone", "boxes")


def test_cycle(tmp_path):
    graph = simple_graph()
    next(n for n in graph.node if n.name == "mul").input[0] = "boxes"
    (tmp_path / "g.pb").write_bytes(graph.SerializeToString())
    refused(tmp_path / "g.pb", tmp_path / "x.tflite", 3, "cycle", flags=["--output-arrays", "boxes"])


def test_unsupported_ops_are_listed_once_with_counts(tmp_path):
    def build():
        image = tf.compat.v1.placeholder(tf.float32, [2, 3, 3], name="image")
        a = tf.linalg.cholesky(image)
        b = tf.linalg.cholesky(a)
        tf.raw_ops.MatrixInverse(input=b, name="out")
    (tmp_path / "g.pb").write_bytes(graph_def(build).SerializeToString())
    message = refused(tmp_path / "g.pb", tmp_path / "x.tflite", 4, "Cholesky (2x)", "MatrixInverse (1x)", "node '")
    assert message.count("Cholesky (") == 1


def test_unfrozen_graph_says_where_its_variables_would_be(tmp_path):
    def build():
        image = tf.compat.v1.placeholder(tf.float32, [1, 4], name="image")
        kernel = tf.compat.v1.get_variable("kernel", [4, 2], use_resource=True)
        tf.matmul(image, kernel, name="out")
    (tmp_path / "g.pb").write_bytes(graph_def(build).SerializeToString())
    refused(tmp_path / "g.pb", tmp_path / "x.tflite", 3, "kernel", "checkpoint", flags=["--output-arrays", "out"])


def test_training_graph_without_named_outputs(tmp_path):
    def build():
        image = tf.compat.v1.placeholder(tf.float32, [1, 4], name="image")
        kernel = tf.compat.v1.get_variable("kernel", [4, 2], use_resource=False)
        loss = tf.reduce_sum(tf.matmul(image, kernel))
        tf.compat.v1.train.AdamOptimizer().minimize(loss)
    (tmp_path / "g.pb").write_bytes(graph_def(build).SerializeToString())
    refused(tmp_path / "g.pb", tmp_path / "x.tflite", 2, "--output-arrays")


def test_output_folder_missing(frozen, tmp_path):
    refused(frozen, tmp_path / "no" / "x.tflite", 7, "x.tflite")


def test_output_is_a_folder(frozen, tmp_path):
    (tmp_path / "taken").mkdir()
    refused(frozen, tmp_path / "taken", 7, "taken")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_output_folder_not_writable(frozen, tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0o500)
    refused(frozen, folder / "x.tflite", 7, "x.tflite")


def test_existing_output_survives_a_failure(tmp_path):
    target = tmp_path / "x.tflite"
    target.write_bytes(b"precious")
    (tmp_path / "bad.pb").write_bytes(b"\x0a\xff\xff\xff\x7f")
    refused(tmp_path / "bad.pb", target, 3, "bad.pb")


def test_disk_full_leaves_the_existing_output(saved_model, tmp_path):
    """A file-size limit stands in for a full disk: the write fails in the middle."""
    target = tmp_path / "x.tflite"
    target.write_bytes(b"precious")

    def limit():
        import signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))

    done = subprocess.run([binary.pumice(), "convert", saved_model, "-o", target], capture_output=True,
                          text=True, preexec_fn=limit)
    assert done.returncode == 7, done.stderr
    assert target.read_bytes() == b"precious"
    assert [p.name for p in tmp_path.iterdir()] == ["x.tflite"]


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["convert"], ["convert", "x.pb"], ["convert", "x", "-o", "y", "--what"]])
def test_usage(arguments):
    outcome = binary.run(*arguments)
    assert outcome.status == 2, outcome.text()
    assert outcome.stderr.startswith("pumice: ")


@pytest.mark.parametrize("verb", ["convert", "verify", "inspect", "ops", "detect"])
def test_help_has_examples(verb):
    outcome = binary.run(verb, "--help")
    assert outcome.status == 0
    assert "Examples:" in outcome.stdout and f"pumice {verb}" in outcome.stdout


def test_supported_ops_page_is_up_to_date():
    done = subprocess.run([binary.ROOT / "scripts/make-docs", "--check", binary.pumice()], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def truncations(data, points=24):
    return sorted({0, 1, 4, 7, len(data) - 1, *(int(len(data) * i / points) for i in range(points))})


def test_truncated_frozen_graph(frozen, tmp_path):
    data = frozen.read_bytes()
    for n in truncations(data):
        cut = tmp_path / "cut.pb"
        cut.write_bytes(data[:n])
        outcome = binary.run("convert", cut, "-o", tmp_path / "x.tflite", "--output-arrays", "boxes")
        assert outcome.status in (2, 3, 4), (n, outcome.text())
        assert not (tmp_path / "x.tflite").exists()


@pytest.mark.parametrize("name", ["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"])
def test_truncated_saved_model(saved_model, tmp_path, name):
    copy = tmp_path / "copy"
    shutil.copytree(saved_model, copy)
    data = (copy / name).read_bytes()
    for n in truncations(data):
        if n >= len(data):
            continue
        (copy / name).write_bytes(data[:n])
        outcome = binary.run("convert", copy, "-o", tmp_path / "x.tflite")
        # The tail of the shard may hold only the object graph, and the tail of saved_model.pb only
        # facts about training: then the model itself is whole.
        if outcome.status == 0:
            assert n > len(data) // 8, (n, outcome.text())
            (tmp_path / "x.tflite").unlink()
            continue
        assert outcome.status in (2, 3, 4), (n, outcome.text())
        assert not (tmp_path / "x.tflite").exists()
