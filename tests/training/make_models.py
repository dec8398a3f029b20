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
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tf_keras  # noqa: E402

v1 = tf.compat.v1
X = np.ones((4, 3), np.float32)
Y = np.zeros((4, 2), np.float32)


def dense(k, units=2, name="net", inputs=3):
    return k.Sequential([k.Input((inputs,)), k.layers.Dense(units, name=f"{name}_dense")], name=name)


def trained(model, optimizer, steps=1):
    model.compile(optimizer=optimizer, loss="mse")
    model.fit(X, Y, epochs=steps, batch_size=4, verbose=0)
    return model


def detector(k, name):
    """Two heads on one stem, as an SSD has them."""
    image = k.Input((8, 8, 3))
    stem = k.layers.Conv2D(2, 3, strides=2, padding="same", activation="relu", name=f"{name}_stem")(image)
    boxes = k.layers.Reshape((-1, 4))(k.layers.Conv2D(4, 3, padding="same", name=f"{name}_boxes")(stem))
    classes = k.layers.Reshape((-1, 2))(k.layers.Conv2D(2, 3, padding="same", name=f"{name}_classes")(stem))
    return k.Model(image, k.layers.Concatenate()([boxes, classes]), name=name)


def merged(k, optimizers):
    """Two detectors compiled with these optimizers, merged, trained and compiled with the third."""
    first, second = detector(k, "left"), detector(k, "right")
    if optimizers[0] is not None:
        first.compile(optimizer=optimizers[0], loss="mse")
        second.compile(optimizer=optimizers[1], loss="mse")
    image = k.Input((8, 8, 3), name="image")
    both = k.Model(image, k.layers.Concatenate(name="both")([first(image), second(image)]), name="merged")
    both.compile(optimizer=optimizers[2], loss="mse")
    both.fit(np.ones((1, 8, 8, 3), np.float32), np.zeros((1, 16, 12), np.float32), verbose=0)
    return both


def nested(k, inner, outer):
    """A compiled model as a layer of a compiled model."""
    base = trained(dense(k, 2, "base"), inner, 2)
    model = k.Sequential([k.Input((3,)), base, k.layers.Dense(2, name="head")], name="outer")
    return trained(model, outer, 3)


def cases(k):
    """name -> model, for either Keras."""
    class MyAdam(k.optimizers.Adam):
        pass

    @k.saving.register_keras_serializable(package="pets")
    class MySGD(k.optimizers.SGD):
        pass

    # Under the package's default name: what tf_keras writes of it is what it writes of its own Adam.
    own_adam = type("Adam", (k.optimizers.Adam,), {"__module__": __name__})
    own_adam = k.saving.register_keras_serializable(package="Custom", name="Adam")(own_adam)

    def twice():
        model = trained(dense(k), k.optimizers.Adam(0.01))
        return trained(model, k.optimizers.Adam(0.002), 2)

    def attribute():
        model = dense(k)
        model.aux_optimizer = k.optimizers.Adam(0.01)
        trained(model, k.optimizers.Adam(0.002), 2)
        model.aux_optimizer.build(model.trainable_variables)
        return model

    shared = k.optimizers.SGD(0.1, momentum=0.5)
    yield "one", lambda: trained(dense(k), k.optimizers.Adam(0.002, beta_1=0.8), 3)
    yield "none", lambda: dense(k)
    yield "compiled_twice", twice
    yield "same_adams", lambda: nested(k, k.optimizers.Adam(0.01), k.optimizers.Adam(0.01))
    yield "two_adams", lambda: nested(k, k.optimizers.Adam(0.01), k.optimizers.Adam(0.002))
    yield "two_kinds", lambda: nested(k, k.optimizers.SGD(0.01, momentum=0.9), k.optimizers.Adam(0.002))
    yield "attribute", attribute
    yield "custom", lambda: trained(dense(k), MyAdam(0.003))
    yield "registered", lambda: trained(dense(k), MySGD(0.003, momentum=0.9))
    yield "named_adam", lambda: trained(dense(k), own_adam(0.003))
    yield "ssd_shared", lambda: merged(k, (None, None, shared))
    once = k.optimizers.SGD(0.1, momentum=0.5)
    yield "ssd_one_sgd", lambda: merged(k, (once, once, once))
    yield "ssd_own", lambda: merged(
        k, (k.optimizers.SGD(0.1, momentum=0.5), k.optimizers.SGD(0.2, momentum=0.5), k.optimizers.SGD(0.3, momentum=0.5)))


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


def network(scope=""):
    """x -> y = x·w + b; its loss."""
    with v1.variable_scope(scope) if scope else v1.variable_scope(v1.get_variable_scope()):
        x = v1.placeholder(tf.float32, [None, 3], name=f"{scope}x" if not scope else "x")
        w = v1.get_variable("w", [3, 2], initializer=v1.constant_initializer(0.5), use_resource=False)
        b = v1.get_variable("b", [2], initializer=v1.zeros_initializer(), use_resource=False)
        return tf.reduce_mean(tf.identity(tf.matmul(x, w) + b, name="y") ** 2), [w, b]


def tf1_case(folder, name, build):
    graph = tf.Graph()
    with graph.as_default(), v1.Session(graph=graph) as session:
        build()
        session.run(v1.global_variables_initializer())
        (folder / f"tf1_{name}_ckpt").mkdir()
        if v1.global_variables():
            v1.train.Saver().save(session, str(folder / f"tf1_{name}_ckpt/model"))
        (folder / f"tf1_{name}.pb").write_bytes(graph.as_graph_def().SerializeToString())
        if "train" in [op.name for op in graph.get_operations()]:
            frozen = v1.graph_util.extract_sub_graph(graph.as_graph_def(), ["train"])
            (folder / f"tf1_{name}_frozen.pb").write_bytes(frozen.SerializeToString())


def tf1(folder):
    adam, momentum = v1.train.AdamOptimizer, v1.train.MomentumOptimizer

    def one():
        loss, _ = network()
        adam(0.01, beta1=0.8).minimize(loss, name="train")

    def two_minimize():
        loss, _ = network()
        adam(0.01).minimize(loss)
        adam(0.002).minimize(loss)

    def beside():
        loss, variables = network()
        adam(0.01).minimize(loss)
        momentum(0.1, 0.9).minimize(loss, var_list=variables[:1])

    def scoped():
        for scope in "A", "B":
            loss, _ = network(scope)
            with v1.name_scope(scope):
                adam(0.01).minimize(loss)

    source = tf.Graph()
    with source.as_default():
        loss, _ = network()
        adam(0.01).minimize(loss)
    definition = source.as_graph_def()

    def imported_twice():
        v1.import_graph_def(definition, name="")
        v1.import_graph_def(definition, name="")

    def unscoped():
        loss, _ = network()
        momentum(0.1, 0.9).minimize(loss)
        v1.import_graph_def(definition, name="")

    for build in one, two_minimize, beside, scoped, imported_twice, unscoped:
        tf1_case(folder, build.__name__, build)


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


def tf1_more(folder):
    train = v1.train

    def resource():
        """Resource variables; dense and sparse gradients of one optimizer; the same one twice."""
        table = v1.get_variable("table", [5, 2], use_resource=True)
        w = v1.get_variable("w", [2, 2], use_resource=True)
        ids = v1.placeholder(tf.int32, [3], name="ids")
        loss = tf.reduce_sum(tf.matmul(tf.gather(table, ids), w))
        optimizer = train.MomentumOptimizer(0.1, 0.9)
        optimizer.minimize(loss)
        optimizer.minimize(loss * 2.0)

    def shared_rate():
        """Two optimizers that read one learning rate."""
        loss, variables = network()
        rate = v1.placeholder_with_default(0.1, [], name="rate")
        train.AdagradOptimizer(rate).minimize(loss, var_list=variables[:1])
        train.AdagradOptimizer(rate).minimize(loss, var_list=variables[1:])

    def all_kinds():
        loss, _ = network()
        for optimizer in (train.AdadeltaOptimizer(0.01), train.AdagradOptimizer(0.01), train.AdamOptimizer(0.01),
                          train.FtrlOptimizer(0.01), train.GradientDescentOptimizer(0.01),
                          train.MomentumOptimizer(0.01, 0.9), train.RMSPropOptimizer(0.01, momentum=0.5),
                          train.RMSPropOptimizer(0.01, centered=True),
                          train.ProximalAdagradOptimizer(0.01), train.ProximalGradientDescentOptimizer(0.01)):
            optimizer.minimize(loss)

    for build in resource, shared_rate, all_kinds:
        tf1_case(folder, build.__name__, build)

    # The training part is cut off, the checkpoint stays; and a checkpoint alone.
    for name in "orphan", "keys":
        prefix = folder / f"tf1_{name}_ckpt" / "model"
        with tf.Graph().as_default(), v1.Session() as session:
            loss, _ = network()
            train.AdamOptimizer(0.01).minimize(loss)
            if name == "keys":
                train.AdamOptimizer(0.01).minimize(loss)
            session.run(v1.global_variables_initializer())
            train.Saver().save(session, str(prefix))
        prefix.with_name("model.meta").unlink()
    with tf.Graph().as_default():
        network()
        train.Saver().export_meta_graph(str(folder / "tf1_orphan_ckpt/model.meta"))


def trained_parts(k, outer):
    """Two detectors, each trained on its own; the model around them trained with `outer`, if that is given."""
    parts = [detector(k, "left"), detector(k, "right")]
    for part, rate in zip(parts, (0.1, 0.2)):
        part.compile(optimizer=k.optimizers.Adam(rate), loss="mse")
        part.fit(np.ones((1, 8, 8, 3), np.float32), np.zeros((1, 16, 6), np.float32), verbose=0)
    image = k.Input((8, 8, 3), name="image")
    both = k.Model(image, k.layers.Concatenate(name="both")([part(image) for part in parts]), name="merged")
    if outer:
        both.compile(optimizer=k.optimizers.Adam(outer), loss="mse")
        both.fit(np.ones((1, 8, 8, 3), np.float32), np.zeros((1, 16, 12), np.float32), verbose=0)
    return both


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


def more(folder):
    tf1_more(folder)
    parts(folder)
    applied_in_functions(folder)
    wrapped(folder)
    generations(folder)
    many(folder, keras, "keras3_many")
    many(folder, tf_keras, "tf_keras_many")


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tf1(folder)
    keras3(folder)
    keras2(folder)
    more(folder)


if __name__ == "__main__":
    main(sys.argv[1])
