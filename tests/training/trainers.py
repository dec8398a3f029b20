"""Modules that train themselves: optimizers and gradients in functions of a SavedModel."""
import keras
import numpy as np
import tensorflow as tf
import tf_keras

from networks import dense


class Recipe(tf.Module):
    """On-device training as TensorFlow's guide writes it: compile() makes one optimizer, the module keeps another."""

    def __init__(self):
        self.model = dense(tf_keras)
        self.model.compile(optimizer="sgd", loss="mse")
        self.optimizer = tf_keras.optimizers.Adam(0.02)
        self.optimizer.build(self.model.trainable_variables)

    @tf.function(input_signature=[tf.TensorSpec([4, 3]), tf.TensorSpec([4, 2])])
    def train(self, x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self.model(x) - y) ** 2)
        gradients = tape.gradient(loss, self.model.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.model.trainable_variables))
        return {"loss": loss}

    @tf.function(input_signature=[tf.TensorSpec([None, 3])])
    def infer(self, x):
        return {"y": self.model(x)}


class HeldByOptimizer(tf.Module):
    """The only object that holds the weights is Keras 3's optimizer: the trap of `_trainable_variables`."""

    def __init__(self):
        w = keras.Variable(np.full((3, 2), 0.5, np.float32), name="w")
        self.optimizer = keras.optimizers.Adam(0.01)
        self.optimizer.build([w])
        self.serve = tf.function(lambda x: {"y": tf.matmul(x, w.value)}, input_signature=[tf.TensorSpec([None, 3])])


class PlainTrainer(tf.Module):
    """A train function whose gradients lower to builtins, and an optimizer that it does not use."""

    def __init__(self):
        self.w = tf.Variable(np.linspace(-0.5, 0.5, 6, dtype=np.float32).reshape(3, 2), name="w")
        self.optimizer = tf_keras.optimizers.SGD(0.1, momentum=0.9)
        self.spare = tf_keras.optimizers.Adam(0.5)
        for optimizer in self.optimizer, self.spare:
            optimizer.build([self.w])

    @tf.function(input_signature=[tf.TensorSpec([4, 3]), tf.TensorSpec([4, 2])])
    def train(self, x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((tf.matmul(x, self.w) - y) ** 2)
        self.optimizer.apply_gradients(zip(tape.gradient(loss, [self.w]), [self.w]))
        return {"loss": loss}

    @tf.function(input_signature=[tf.TensorSpec([None, 3])])
    def infer(self, x):
        return {"y": tf.matmul(x, self.w)}


class LegacyTrainers(tf.Module):
    """Functions that were traced while they trained: the ops that apply gradients stand in their bodies."""

    def __init__(self):
        self.w = tf.Variable(np.linspace(-0.5, 0.5, 6, dtype=np.float32).reshape(3, 2), name="w")
        self.adam = tf_keras.optimizers.legacy.Adam(0.02)
        self.sgd = tf_keras.optimizers.legacy.SGD(0.1, momentum=0.9)

    @tf.function(input_signature=[tf.TensorSpec([3, 2])])
    def train(self, gradient):
        self.adam.apply_gradients([(gradient, self.w)])
        return {"w": self.w.read_value()}

    @tf.function(input_signature=[tf.TensorSpec([3, 2])])
    def tune(self, gradient):
        self.sgd.apply_gradients([(gradient, self.w)])
        return {"w": self.w.read_value()}


class RawTrainer(tf.Module):
    """Gradients applied by an op alone: nothing in the object graph is an optimizer."""

    def __init__(self):
        self.w = tf.Variable([1.0, 2.0], name="w")

    @tf.function(input_signature=[tf.TensorSpec([2])])
    def train(self, gradient):
        tf.raw_ops.ResourceApplyGradientDescent(var=self.w.handle, alpha=0.1, delta=gradient)
        return {"w": self.w.read_value()}
