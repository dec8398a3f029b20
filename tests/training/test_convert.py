"""Conversion of models with optimizers under every policy, against TensorFlow's own outputs."""
import numpy as np
import pytest
from harness import binary

from training.test_optimizers import KNOWN, POLICIES, analyzed, models  # noqa: F401

# Every SavedModel of the seed cases that has a signature for inference.
SAVED = [name for name in KNOWN if "." not in name and not name.endswith("_ckpt")
         and name not in ("two_generations", "legacy_traced", "raw_traced")]
SAVED += ["plain_train", "keras3_parts", "keras3_parts_and_whole", "tf_keras_parts", "tf_keras_parts_and_whole", "keras3_held"]
TRAINERS = {"recipe", "plain_train"}


def under_every_policy(source, folder, *flags):
    """The same bytes whatever the policy; `error` refuses conflicts. Returns one of the files."""
    found = analyzed(source)
    written = {}
    for policy in POLICIES:
        target = folder / f"{policy}.tflite"
        outcome, report = binary.convert(source, target, "--optimizers", policy, *flags)
        if policy == "error" and found["conflicts"]:
            assert outcome.status == 5 and not target.exists(), outcome.text()
            continue
        assert outcome.status == 0, outcome.text()
        written[target.read_bytes()] = target
        assert report["optimizers"]["resolution"]["policy"] == policy
        assert len(report["optimizers"]["registrations"]) == len(found["registrations"])
        # Told of each: what was left behind.
        told = {a["registration"] for a in report["optimizers"]["resolution"]["actions"]}
        assert told == {r["id"] for r in found["registrations"]}
    assert len(written) == 1
    return next(iter(written.values()))


def interpreter(path):
    from ai_edge_litert.interpreter import Interpreter
    return Interpreter(str(path))


def ramp(shape):
    shape = [4 if d is None else d for d in shape]
    return np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)


@pytest.mark.parametrize("name", SAVED)
def test_saved_models(models, tmp_path, name):
    import tensorflow as tf
    converted = under_every_policy(models / name, tmp_path, *(["--signature", "infer"] if name in TRAINERS else []))
    loaded = tf.saved_model.load(models / name)
    runner = interpreter(converted)
    for key in runner.get_signature_list():
        (argument, spec), = loaded.signatures[key].structured_input_signature[1].items()
        x = ramp(spec.shape)
        expected = loaded.signatures[key](**{argument: x})
        found = runner.get_signature_runner(key)(**{argument: x})
        assert found.keys() == expected.keys()
        for output, value in expected.items():
            assert np.abs(value).max() > 0
            np.testing.assert_allclose(found[output], value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", [name[4:-5] for name in KNOWN if name.startswith("tf1_") and name.endswith("_ckpt")
                                  and name != "tf1_keys_ckpt"])
def test_checkpoints(models, tmp_path, name):
    """Weights of x·w + b; in "resource" the losses only."""
    import tensorflow as tf
    reader = tf.train.load_checkpoint(str(models / f"tf1_{name}_ckpt" / "model"))
    if name == "resource":
        cut = ["--input-arrays", "ids", "--input-shapes", "3", "--output-arrays", "MatMul"]
        ids = np.array([4, 0, 2], np.int32)
        inputs, expected = {"ids": ids}, reader.get_tensor("table")[ids] @ reader.get_tensor("w")
    else:
        scope = "A/" if name == "scoped" else ""
        cut = ["--input-arrays", scope + "x", "--input-shapes", "4,3", "--output-arrays", scope + "y"]
        inputs = {scope + "x": ramp([4, 3])}
        expected = inputs[scope + "x"] @ reader.get_tensor(scope + "w") + reader.get_tensor(scope + "b")
    converted = under_every_policy(models / f"tf1_{name}_ckpt", tmp_path, *cut)
    (found,) = interpreter(converted).get_signature_runner()(**inputs).values()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["plain_train"])
def test_a_train_signature_keeps_its_optimizer(models, tmp_path, name):
    """The steps that LiteRT takes are TensorFlow's."""
    import tensorflow as tf
    loaded = tf.saved_model.load(models / name)
    for policy in "keep-first", "namespace":
        outcome, report = binary.convert(models / name, tmp_path / "m.tflite", "--optimizers", policy)
        assert outcome.status == 0, outcome.text()
        details = [a["detail"] for a in report["optimizers"]["resolution"]["actions"] if a["registration"] == "r0"]
        assert "'train' trains with it" in details[0]
    runner = interpreter(tmp_path / "m.tflite")
    runner.allocate_tensors()
    train, infer = runner.get_signature_runner("train"), runner.get_signature_runner("infer")
    x, y = ramp([4, 3]), np.ones((4, 2), np.float32)
    losses = []
    for _ in range(4):
        expected = loaded.signatures["train"](x=x, y=y)["loss"].numpy()
        losses.append(train(x=x, y=y)["loss"])
        np.testing.assert_allclose(losses[-1], expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(infer(x=x)["y"], loaded.signatures["infer"](x=x)["y"], rtol=1e-5, atol=1e-6)
    assert losses[3] < losses[0]


@pytest.mark.parametrize("name", sorted(TRAINERS))
@pytest.mark.parametrize("policy", ["strip", "keep-last"])
def test_a_train_signature_without_its_optimizer_is_refused(models, tmp_path, name, policy):
    for flags in [], ["--signature", "train"]:
        outcome, _ = binary.convert(models / name, tmp_path / "m.tflite", "--optimizers", policy, *flags)
        assert outcome.status == 4 and "'train' trains with" in outcome.stderr and "r0" in outcome.stderr, outcome.text()
        assert policy in outcome.stderr and "--signature" in outcome.stderr and not (tmp_path / "m.tflite").exists()
    outcome, _ = binary.convert(models / name, tmp_path / "m.tflite", "--optimizers", "unify", "--signature", "train")
    assert outcome.status == 4 and "different kinds" in outcome.stderr, outcome.text()


def test_gradient_ops_that_do_not_lower_are_named(models, tmp_path):
    outcome, _ = binary.convert(models / "recipe", tmp_path / "m.tflite", "--optimizers", "keep-first", "--signature", "train")
    assert outcome.status == 4 and "BiasAddGrad" in outcome.stderr, outcome.text()
