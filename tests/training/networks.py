"""The networks of the optimizer cases, small and trained for a step or three, written for either Keras."""
import numpy as np

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
