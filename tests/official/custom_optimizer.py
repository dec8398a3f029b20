"""A tf_keras SavedModel that was trained with an optimizer class of the user's own:  custom_optimizer.py FOLDER"""
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import numpy as np
import tensorflow as tf
import tf_keras


class Lookahead(tf_keras.optimizers.SGD):
    pass


def main(folder):
    tf_keras.utils.set_random_seed(1)
    model = tf_keras.Sequential([
        tf_keras.layers.Conv2D(8, 3, activation="relu", input_shape=(16, 16, 3)), tf_keras.layers.Flatten(),
        tf_keras.layers.Dense(4)])
    model.compile(Lookahead(0.01), "mse")
    x = np.random.default_rng(0).random((1, 16, 16, 3)).astype(np.float32)
    model.fit(x, np.zeros((1, 4)), verbose=0)
    model.save(os.path.join(folder, "model"))
    served = tf.saved_model.load(os.path.join(folder, "model")).signatures["serving_default"]
    (name,) = served.structured_input_signature[1]
    np.savez(os.path.join(folder, "in.npz"), **{name: x})
    np.savez(os.path.join(folder, "out.npz"), **{k: v.numpy() for k, v in served(**{name: tf.constant(x)}).items()})


if __name__ == "__main__":
    main(sys.argv[1])
