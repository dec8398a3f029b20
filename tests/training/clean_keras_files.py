"""Clean `.keras` and `.h5` files in the Keras that made them, against their sources."""
import functools
import io
import pathlib
import tempfile
import warnings
import zipfile

import h5py
import keras
import numpy as np

from exact import ramp, rate_of, same


def datasets(path):
    """Path in the file -> value, of an `.h5` or of what is in a `.keras`."""
    found = {}

    def read(file):
        with h5py.File(file) as tree:
            tree.visititems(lambda name, o: found.update({name: o[()]}) if isinstance(o, h5py.Dataset) else None)

    if path.name.split("@")[0].endswith(".h5"):
        read(path)
        return found
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        for entry in archive.infolist():
            if entry.filename.endswith(".h5"):
                read(io.BytesIO(archive.read(entry)))
            else:
                found[entry.filename] = np.frombuffer(archive.read(entry) if entry.filename != "config.json" else b"", np.uint8)
    return found


def tree(source, clean):
    """What is left is bit-identical; what went was an optimizer's."""
    before, after = datasets(source), datasets(clean)
    if "keras3_ssd_one_sgd.keras" in source.name:
        # Its state stood where Keras came upon the shared optimizer first, not where it looks for it.
        before |= {name.replace("layers/functional/", ""): v for name, v in before.items() if "optimizer" in name}
    assert set(after) <= set(before)
    for name, value in after.items():
        same(value, before[name])
    # "beside" keeps optimizers under names of its own.
    gone = set(before) - set(after)
    assert all(any(part in name for part in ("optimizer", "adagrad", "extra/")) for name in gone), gone


def load_file(k, path, custom):
    """A model from a file whose name ends in its policy."""
    ending = ".h5" if path.name.split("@")[0].endswith(".h5") else ".keras"
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        link = pathlib.Path(scratch) / ("model" + ending)
        link.symlink_to(path)
        model = k.models.load_model(link, custom_objects=custom)
    return model, [str(w.message) for w in said if "optimizer" in str(w.message)]


def state(model):
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        return None
    variables = optimizer.variables() if callable(optimizer.variables) else optimizer.variables
    return type(optimizer).__name__, [np.asarray(v) for v in variables]


@functools.cache
def by_keras(k, source):
    model, said = load_file(k, source, customs(k))
    parts = [rate_of(part.optimizer) for part in model.layers if getattr(part, "optimizer", None) is not None]
    x = ramp(model.input_shape)
    found = x, np.asarray(model(x)), model.get_weights(), state(model), parts, said
    return *found, found[3] is None or trains(model, x)


def trains(model, x):
    """One more step changes the weights."""
    model.run_eagerly = True
    before = [w.copy() for w in model.get_weights()]
    try:
        model.train_on_batch(x, np.full(model(x).shape, 3.0, np.float32))
    except ValueError as error:
        assert "Unknown variable" in str(error)
        return False
    return any((a != b).any() for a, b in zip(before, model.get_weights()))


def customs(k):
    # Keras 3 does not find a loss by the name that it writes into an .h5 itself.
    mse = {"mse": keras.losses.mean_squared_error} if k is keras else {}
    return mse | {"MyAdam": type("MyAdam", (k.optimizers.Adam,), {}), "MySGD": type("MySGD", (k.optimizers.SGD,), {})}


def keras_file(k, source, clean, policy):
    """load_model gives the model with the optimizer that the policy keeps, its state in it; it trains on."""
    x, y, weights, optimizer, parts, said_before, could_train = by_keras(k, source)
    # A custom class that the policy took out is not needed to load the model.
    model, said = load_file(k, clean, {} if policy == "strip" else customs(k))
    same(model(x), y)
    for a, b in zip(model.get_weights(), weights, strict=True):
        same(a, b)
    left = [part.optimizer for part in model.layers if getattr(part, "optimizer", None) is not None]
    if policy == "strip":
        # Without an optimizer in its compile_config Keras 3 takes its default.
        assert (state(model) is None or "after_h5" in source.name) and not left
    elif policy in ("keep-first", "unify", "namespace", "error") and optimizer is not None:
        assert said == said_before or policy != "namespace"
        name, values = state(model)
        assert name == optimizer[0] and len(left) == (len(parts) if policy in ("namespace", "error") else 0)
        if "one_sgd.keras" in source.name and k is keras and policy == "keep-first":
            assert int(model.optimizer.iterations) == 1 and not could_train
            could_train = True  # what Keras wrote it cannot train on; with one optimizer it can
        else:
            for a, b in zip(values, optimizer[1], strict=True):
                same(a, b)
    elif policy == "keep-last" and optimizer is not None and parts:
        assert not left and rate_of(model.optimizer) == parts[-1]
    if state(model) is None:
        model.compile(optimizer="sgd", loss="mse")
    elif not could_train:
        # Keras 3 builds the optimizer of an .h5 for no variables at all, and one that several models share
        # for those of the first: it cannot train on what it wrote itself, unless it is compiled again.
        assert k is keras and (".h5" in source.name or "one_sgd" in source.name)
        model.compile(optimizer=type(model.optimizer).from_config(model.optimizer.get_config()), loss="mse")
    assert trains(model, x)
