"""Variables that signatures write: runs in a row, each against TensorFlow's own."""
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from harness import binary


class Counter(tf.Module):
    def __init__(self):
        self.count = tf.Variable(5, dtype=tf.int32, name="count")

    @tf.function(input_signature=[tf.TensorSpec([], tf.int32)])
    def step(self, by):
        return {"count": self.count.assign_add(by).read_value()}


class CountDown(tf.Module):
    def __init__(self):
        self.left = tf.Variable(100, dtype=tf.int64, name="left")

    @tf.function(input_signature=[tf.TensorSpec([], tf.int64)])
    def step(self, by):
        before = self.left.read_value()
        self.left.assign_sub(by)
        return {"before": before, "after": self.left.read_value()}


class Average(tf.Module):
    def __init__(self):
        self.mean = tf.Variable([1.0, 2.0, 3.0], name="mean")
        self.scale = tf.Variable(2.0, name="scale")  # never written: a constant

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32)])
    def step(self, x):
        self.mean.assign(0.5 * self.mean + 0.5 * tf.reduce_mean(x, 0))
        return {"centred": (x - self.mean) * self.scale}


class Two(tf.Module):
    """Two signatures that share a variable."""

    def __init__(self):
        self.state = tf.Variable([0.5, -0.5], name="state")

    @tf.function(input_signature=[tf.TensorSpec([2], tf.float32)])
    def write(self, x):
        self.state.assign(x)
        return {"written": x + 1.0}

    @tf.function(input_signature=[tf.TensorSpec([2], tf.float32)])
    def step(self, x):
        return {"sum": self.state + x}


class Embedding(tf.Module):
    def __init__(self):
        self.table = tf.Variable(np.arange(12, dtype=np.float32).reshape(4, 3), name="table")

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32)])
    def step(self, ids):
        return {"rows": tf.gather(self.table, ids)}


def signatures(module):
    return {name: getattr(module, name) for name in ("step", "write") if hasattr(module, name)}


RUNS = {
    Counter: [("step", {"by": np.int32(n)}) for n in (1, 10, -3)],
    CountDown: [("step", {"by": np.int64(n)}) for n in (1, 10, -3)],
    Average: [("step", {"x": np.full((n, 3), n, np.float32)}) for n in (1, 3, 2)],
    Two: [("step", {"x": np.float32([1, 2])}), ("write", {"x": np.float32([7, 8])}),
          ("step", {"x": np.float32([1, 2])})],
    Embedding: [("step", {"ids": np.int32(ids)}) for ids in ([0, 3], [2], [1, 1, 0])],
}


@pytest.mark.parametrize("kind", RUNS, ids=lambda kind: kind.__name__)
def test_variable(kind, tmp_path, pumice):
    module = kind()
    tf.saved_model.save(module, tmp_path / "saved", signatures=signatures(module))
    outcome, _ = binary.convert(tmp_path / "saved", tmp_path / "x.tflite")
    assert outcome.status == 0, outcome.text()
    interpreter = Interpreter(str(tmp_path / "x.tflite"))
    for key, feed in RUNS[kind]:
        expected = signatures(module)[key](**{k: tf.constant(v) for k, v in feed.items()})
        found = interpreter.get_signature_runner(key)(**feed)
        assert set(found) == set(expected)
        for name, value in expected.items():
            np.testing.assert_allclose(found[name], value.numpy(), rtol=1e-5, err_msg=f"{key} {name}")
