"""Makes the optimizer cases with the real Keras 3, tf_keras, its legacy optimizers and TF1.

    python make_models.py FOLDER

One process for all flavours: importing TensorFlow costs more than every model here. The models are tiny;
what matters is how often they are compiled, with what, and how they are saved.
"""
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402
import tf_keras  # noqa: E402

from make_tf1 import tf1  # noqa: E402
from networks import X, Y, cases, dense, nested, trained, trained_parts  # noqa: E402
from trainers import HeldByOptimizer, LegacyTrainers, PlainTrainer, RawTrainer, Recipe  # noqa: E402


def keras3(folder):
    for name, make in cases(keras):
        model = make()
        model.save(folder / f"keras3_{name}.keras")
        if name in ("one", "none", "two_adams", "attribute", "custom", "ssd_shared", "ssd_one_sgd", "ssd_own"):
            spec = tf.TensorSpec([None, *model.input_shape[1:]], tf.float32)
            serve = tf.function(lambda x, m=model: {"y": m(x)}, input_signature=[spec])
            tf.saved_model.save(model, str(folder / f"keras3_{name}"), signatures=serve)
    model = nested(keras, keras.optimizers.Adam(0.01), keras.optimizers.Adam(0.002))
    model.export(folder / "keras3_exported", verbose=False)


def keras2(folder):
    for name, make in cases(tf_keras):
        model = make()
        model.save(folder / f"tf_keras_{name}", save_format="tf")
        if name in ("one", "two_adams", "attribute"):
            model.save_weights(str(folder / f"tf_keras_{name}_ckpt/model"), save_format="tf")
        if name in ("one", "two_adams"):
            model.save(folder / f"tf_keras_{name}.keras")
    legacy = tf_keras.optimizers.legacy
    one = trained(dense(tf_keras), legacy.Adam(0.002), 3)
    one.save(folder / "legacy_one", save_format="tf")
    one.save_weights(str(folder / "legacy_one_ckpt/model"), save_format="tf")
    nested(tf_keras, legacy.SGD(0.01, momentum=0.9), legacy.Adam(0.002)).save(
        folder / "legacy_two_kinds", save_format="tf")
    module = Recipe()
    for _ in range(2):
        module.train(X, Y)
    tf.saved_model.save(module, str(folder / "recipe"), signatures={
        "train": module.train, "infer": module.infer})


KINDS = ["Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lion", "Nadam", "RMSprop", "SGD"]


def many(folder, k, name):
    """One module that keeps an optimizer of every class as an attribute."""
    module = tf.Module()
    module.variables_ = [tf.Variable(X, name="w")] if k is tf_keras else [k.Variable(X, name="w")]
    for kind in KINDS:
        optimizer = getattr(k.optimizers, kind)(learning_rate=0.01)
        optimizer.build(module.variables_)
        setattr(module, kind.lower(), optimizer)
    tf.saved_model.save(module, str(folder / name))


def wrapped(folder):
    """A loss scaler around an optimizer, a schedule as the learning rate; each is one optimizer."""
    for k, name in (keras, "keras3"), (tf_keras, "tf_keras"):
        scaler = k.optimizers.LossScaleOptimizer if k is keras else k.mixed_precision.LossScaleOptimizer
        scaled = trained(dense(k), scaler(k.optimizers.Adam(0.002)))
        scaled.save(folder / f"{name}_scaled.keras")
        if k is tf_keras:
            scaled.save(folder / f"{name}_scaled", save_format="tf")
        else:
            tf.saved_model.save(scaled, str(folder / f"{name}_scaled"))
        decay = k.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
        trained(dense(k), k.optimizers.SGD(decay)).save(folder / f"{name}_schedule.keras")


def generations(folder):
    module = tf.Module()
    module.model = dense(tf_keras)
    module.old = tf_keras.optimizers.legacy.SGD(0.1)
    module.old.apply_gradients([(tf.zeros_like(v), v) for v in module.model.trainable_variables])
    module.new = tf_keras.optimizers.SGD(0.1)
    module.new.build(module.model.trainable_variables)
    tf.saved_model.save(module, str(folder / "two_generations"))


def applied_in_functions(folder):
    legacy = LegacyTrainers()
    legacy.train(tf.ones([3, 2]))
    legacy.tune(tf.ones([3, 2]))
    tf.saved_model.save(legacy, str(folder / "legacy_traced"), signatures={"train": legacy.train, "tune": legacy.tune})
    raw = RawTrainer()
    tf.saved_model.save(raw, str(folder / "raw_traced"), signatures=raw.train)


def parts(folder):
    trainer = PlainTrainer()
    trainer.train(X, Y)
    tf.saved_model.save(trainer, str(folder / "plain_train"), signatures={"train": trainer.train, "infer": trainer.infer})
    for k, name in (keras, "keras3"), (tf_keras, "tf_keras"):
        for case, outer in ("parts", None), ("parts_and_whole", 0.3):
            model = trained_parts(k, outer)
            model.save(folder / f"{name}_{case}.keras")
            if k is tf_keras:
                model.save(folder / f"{name}_{case}", save_format="tf")
            else:
                serve = tf.function(lambda x, m=model: {"y": m(x)}, input_signature=[tf.TensorSpec([None, 8, 8, 3])])
                tf.saved_model.save(model, str(folder / f"{name}_{case}"), signatures=serve)
    held = HeldByOptimizer()
    tf.saved_model.save(held, str(folder / "keras3_held"), signatures=held.serve)


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tf1(folder)
    keras3(folder)
    keras2(folder)
    parts(folder)
    applied_in_functions(folder)
    wrapped(folder)
    generations(folder)
    many(folder, keras, "keras3_many")
    many(folder, tf_keras, "tf_keras_many")


if __name__ == "__main__":
    main(sys.argv[1])
