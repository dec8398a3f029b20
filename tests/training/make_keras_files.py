"""Makes the optimizer cases as `.keras`, `.h5` and `.weights.h5` with the real Keras 3, tf_keras and its legacy ones.

    python make_keras_files.py FOLDER

Keras 3's `.h5` comes last: saving one takes the optimizer's config from the model (which is a case of its own).
"""
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras  # noqa: E402
import tf_keras  # noqa: E402

from networks import cases, dense, detector, nested, trained  # noqa: E402

NAMES = {keras: "keras3", tf_keras: "tf_keras"}
# class -> settings that change what it keeps, beyond the defaults
CLASSES = {"Adadelta": {}, "Adafactor": {}, "Adagrad": {}, "Adam": {"amsgrad": True}, "AdamW": {}, "Adamax": {}, "Ftrl": {},
           "Lion": {}, "Nadam": {}, "RMSprop": {"momentum": 0.5, "centered": True}, "SGD": {"momentum": 0.5, "use_ema": True}}


def save(model, folder, name, forms=(".keras", ".weights.h5", ".h5")):
    for form in forms:
        if form == ".weights.h5":
            model.save_weights(folder / f"{name}{form}")
        else:
            model.save(folder / f"{name}{form}")


def built(model, optimizer):
    """Compiled, with state, without the cost of a step."""
    model.compile(optimizer, "mse")
    optimizer.build(model.trainable_variables)
    return model


def beside(k):
    """Optimizers as attributes: of a GAN's two halves, in a list, in a sub-model; one that was never used."""
    inner, model = dense(k, 3, "inner"), None
    inner.extra = k.optimizers.SGD(0.5, momentum=0.9)
    inner.extra.build(inner.trainable_variables)
    model = k.Sequential([k.Input((3,)), inner, k.layers.Dense(2, name="head")], name="outer")
    model.g_optimizer, model.unused_optimizer = k.optimizers.Adam(0.25), k.optimizers.Adam(0.125)
    model.several = [k.optimizers.Adagrad(0.0625), k.optimizers.Adagrad(0.03125)]
    for optimizer in model.g_optimizer, *model.several:
        optimizer.build(model.trainable_variables)
    return built(model, k.optimizers.RMSprop(0.75))


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for k, prefix in NAMES.items():
        for name, make in cases(k):
            save(make(), folder, f"{prefix}_{name}")
        save(beside(k), folder, f"{prefix}_beside", (".keras", ".weights.h5"))
        scaler = k.optimizers.LossScaleOptimizer if k is keras else k.mixed_precision.LossScaleOptimizer
        save(trained(dense(k), scaler(k.optimizers.Adam(0.002))), folder, f"{prefix}_scaled", (".keras", ".h5"))
        decay = k.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
        save(trained(dense(k), k.optimizers.SGD(decay, momentum=0.9)), folder, f"{prefix}_schedule", (".keras", ".h5"))
        for kind, settings in CLASSES.items():
            model = built(dense(k), getattr(k.optimizers, kind)(learning_rate=0.01, **settings))
            # Keras 3 gives Adafactor's slots one name, and then cannot store them by name.
            save(model, folder, f"{prefix}_class_{kind}", (".keras",) if (k, kind) == (keras, "Adafactor") else (".keras", ".h5"))
    model = trained(dense(keras), keras.optimizers.Adam(0.002))
    model.save(folder / "first.h5")
    model.save(folder / "keras3_after_h5.keras")
    legacy = tf_keras.optimizers.legacy
    save(trained(dense(tf_keras), legacy.Adam(0.002), 3), folder, "legacy_one", (".keras", ".h5"))
    save(nested(tf_keras, legacy.SGD(0.01, momentum=0.9), legacy.Adam(0.002)), folder, "legacy_two_kinds", (".keras", ".h5"))
    for kind in "Adadelta", "Adagrad", "Adamax", "Ftrl", "Nadam", "RMSprop", "SGD":
        save(trained(dense(tf_keras), getattr(legacy, kind)(learning_rate=0.01)), folder, f"legacy_class_{kind}", (".h5",))
    # One legacy optimizer of three models: `.keras` has none of its state, only the configs' numbers tell.
    once, (left, right) = legacy.SGD(0.1), (detector(tf_keras, "left"), detector(tf_keras, "right"))
    image = tf_keras.Input((8, 8, 3))
    both = tf_keras.Model(image, [left(image), right(image)], name="merged")
    for model in left, right, both:
        model.compile(once, "mse")
    save(both, folder, "legacy_ssd_one_sgd", (".keras",))


if __name__ == "__main__":
    main(sys.argv[1])
