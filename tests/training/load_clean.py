"""Loads what `pumice optimizers --fix` wrote, with the real TensorFlow, tf_keras and Keras 3, and trains it on.

    python load_clean.py MODELS CLEAN OUT.json

MODELS: what make_models.py made. CLEAN: folders and files named SOURCE@POLICY. One process for all: importing
TensorFlow costs more than every model here. OUT.json: per name, what each loader said ("" where all is well).
"""
import functools
import io
import json
import os
import pathlib
import sys
import tempfile
import traceback
import warnings
import zipfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import h5py  # noqa: E402
import keras  # noqa: E402
import make_models  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tf_keras  # noqa: E402
from tensorflow.core.protobuf import saved_model_pb2, trackable_object_graph_pb2  # noqa: E402

v1 = tf.compat.v1
CUSTOM = {"MyAdam": type("MyAdam", (tf_keras.optimizers.Adam,), {}),
          "pets>MySGD": type("MySGD", (tf_keras.optimizers.SGD,), {})}


def tensors(folder):
    """Checkpoint key -> bytes, of a SavedModel's bundle."""
    reader = tf.train.load_checkpoint(str(folder / "variables/variables"))
    return {key: reader.get_tensor(key) for key in reader.get_variable_to_dtype_map()}


def plain(text):
    """An object graph without the variables' own names."""
    graph = trackable_object_graph_pb2.TrackableObjectGraph()
    graph.ParseFromString(text)
    for node in graph.nodes:
        for attribute in node.attributes:
            attribute.full_name = ""
    return graph


def same(a, b):
    a, b = np.asarray(a), np.asarray(b)
    assert a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes(), (a, b)


def ramp(shape):
    shape = [4 if d is None else d for d in shape]
    return np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)


@functools.cache
def inputs(source):
    loaded = tf.saved_model.load(str(source))
    return {key: ramp(spec.shape) for key, f in loaded.signatures.items() if key != "train"
            for spec in f.structured_input_signature[1].values()}


@functools.cache
def expected(source):
    """What the source's own signatures give."""
    return inference(tf.saved_model.load(str(source)))


def inference(loaded):
    """Each signature that does not train, run."""
    results = {}
    for key, function in sorted(loaded.signatures.items()):
        if key == "train":
            continue
        arguments = {name: tf.constant(ramp(spec.shape)) for name, spec in function.structured_input_signature[1].items()}
        results[key] = {name: v.numpy() for name, v in function(**arguments).items()}
    return results


def compare(found, expected):
    assert found.keys() == expected.keys()
    for key in expected:
        assert found[key].keys() == expected[key].keys()
        for name, value in expected[key].items():
            same(found[key][name], value)


def checkpoint(source, clean):
    """What is left is bit-identical, the object graph agrees with the keys and with saved_model.pb."""
    before, after = tensors(source), tensors(clean)
    assert set(after) <= set(before)
    for key in set(after) - {"_CHECKPOINTABLE_OBJECT_GRAPH"}:
        same(after[key], before[key])
    graph = plain(after["_CHECKPOINTABLE_OBJECT_GRAPH"])
    keys = [a.checkpoint_key for n in graph.nodes for a in n.attributes]
    assert set(keys) | {"_CHECKPOINTABLE_OBJECT_GRAPH"} == set(after), set(keys) ^ set(after)
    model = saved_model_pb2.SavedModel()
    model.ParseFromString((clean / "saved_model.pb").read_bytes())
    names = {n.variable.name for n in model.meta_graphs[0].object_graph_def.nodes if n.WhichOneof("kind") == "variable"}
    assert len(names) <= len(keys)
    reached, work = {0}, [0]
    while work:
        node = graph.nodes[work.pop()]
        for number in [c.node_id for c in node.children] + [s.slot_variable_node_id for s in node.slot_variables]:
            if number not in reached:
                reached.add(number)
                work.append(number)
    assert all(i in reached for i, n in enumerate(graph.nodes) if n.attributes), "a variable that nothing reaches"


def run_in(s, meta):
    found = {}
    for key, signature in sorted(meta.signature_def.items()):
        if key.startswith("__") or key == "train":
            continue
        feed = {i.name: ramp([None if d.size < 0 else d.size for d in i.tensor_shape.dim])
                for i in signature.inputs.values()}
        try:
            found[key] = s.run({n: o.name for n, o in signature.outputs.items()}, feed)
        except tf.errors.FailedPreconditionError:
            found[key] = {}  # this loader cannot run a Keras 3 model that was saved raw
    return found


@functools.cache
def run_in_session(source):
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as s:
        found = run_in(s, v1.saved_model.load(s, ["serve"], str(source)))
    assert all(found.values()) or "keras3" in source.name
    return found


def session(source, clean):
    """TensorFlow 1's loader: the saver in the graph restores; what it saves again is the same checkpoint."""
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as s:
        meta = v1.saved_model.load(s, ["serve"], str(clean))
        compare(run_in(s, meta), run_in_session(source))
        with tempfile.TemporaryDirectory() as scratch:
            saver = meta.saver_def
            s.run(saver.save_tensor_name, {saver.filename_tensor_name: scratch + "/saved"})
            reader = tf.train.load_checkpoint(scratch + "/saved")
            there = tensors(clean)
            assert set(reader.get_variable_to_dtype_map()) == set(there)
            for key in set(there) - {"_CHECKPOINTABLE_OBJECT_GRAPH"}:
                same(reader.get_tensor(key), there[key])
            # The saver's own graph names some variables otherwise, in the source as well.
            assert plain(reader.get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH")) == plain(there["_CHECKPOINTABLE_OBJECT_GRAPH"])


def core(source, clean):
    after = tf.saved_model.load(str(clean))
    compare(inference(after), expected(source))
    if "train" in after.signatures:
        results = []
        for loaded in tf.saved_model.load(str(source)), after:
            step = [loaded.signatures["train"](x=tf.constant(make_models.X), y=tf.constant(make_models.Y)) for _ in range(2)]
            results.append([v.numpy() for r in step for v in r.values()] + [v.numpy() for f in [inference(loaded)]
                           for o in f.values() for v in map(tf.constant, o.values())])
        for a, b in zip(*results):
            same(a, b)
        assert results[0][0] != results[0][1], "the step must change the loss"


def layer(source, clean):
    """Keras 3 takes SavedModels as layers."""
    for key, outputs in expected(source).items():
        wrapped = keras.layers.TFSMLayer(str(clean), call_endpoint=key)
        found = wrapped(tf.constant(inputs(source)[key]))
        for output, value in outputs.items():
            same(found[output] if isinstance(found, dict) else found, value)
        break


@functools.cache
def by_tf_keras(source):
    """An input, its output, the weights."""
    with tf_keras.utils.custom_object_scope(CUSTOM):
        model = tf_keras.models.load_model(source)
    x = ramp(model.input_shape)
    return x, model(x).numpy(), model.get_weights()


def tf_keras_model(source, clean, policy):
    """load_model gives the compiled model with one optimizer, or an uncompiled one; it trains on."""
    x, y, before = by_tf_keras(source)
    # Where the policy took a custom class out, the model loads without it.
    with tf_keras.utils.custom_object_scope({} if policy == "strip" else CUSTOM):
        after = tf_keras.models.load_model(clean)
    same(after(x), y)
    for a, b in zip(after.get_weights(), before):
        same(a, b)
    if policy == "strip":
        assert getattr(after, "optimizer", None) is None, after.optimizer
        after.compile(optimizer="sgd", loss="mse")
    if not after._is_compiled:  # what was kept is no model's
        after.compile(optimizer="sgd", loss="mse")
    after.run_eagerly = True
    weights = [w.copy() for w in after.get_weights()]
    after.train_on_batch(x, np.zeros_like(after(x)))
    assert any((a != b).any() for a, b in zip(weights, after.get_weights()))


def slots(optimizer, variables):
    """(list, number of the variable) -> value, of a built optimizer of either Keras."""
    found = {}
    for name, value in vars(optimizer).items():
        if name in ("_variables", "_trainable_variables") or not isinstance(value, (list, tuple)) or not value:
            continue
        for number, variable in enumerate(variables):
            if hasattr(optimizer, "_index_dict"):
                at = optimizer._index_dict.get(optimizer._var_key(variable))
            else:
                at = next((i for i, v in enumerate(optimizer._trainable_variables) if v is variable), None)
            if at is not None and at < len(value) and hasattr(value[at], "numpy"):
                found[name, number] = np.asarray(value[at])
    return found


def restored(model, folder):
    tf.train.Checkpoint(model).restore(str(folder / "variables/variables")).expect_partial()
    return model


def optimizers_of(model):
    """Those that compile() set, outermost first, as pumice orders them."""
    found, work = [], [model]
    while work:
        part = work.pop(0)
        if getattr(part, "optimizer", None) is not None:
            found.append(part.optimizer)
        work += [layer for layer in part.layers if hasattr(layer, "layers")]
    return found + ([model.aux_optimizer] if hasattr(model, "aux_optimizer") else [])


def rate_of(optimizer):
    return float(np.asarray(optimizer.learning_rate))


def resumed(k, make, source, clean, policy):
    """Restored into the model that it was made of, what was kept is what it was, and trains on."""
    model = restored(make(), source)
    variables = model.trainable_variables
    held = [(slots(o, variables), int(o.iterations), rate_of(o)) for o in optimizers_of(model)]
    kinds = [type(o) for o in optimizers_of(model)]
    whole = len(held) > 1 and getattr(model, "optimizer", None) is not None and not hasattr(model, "aux_optimizer")
    if policy == "keep-last" and whole:
        # The last optimizer is the model's now. Variables that it did not train begin anew.
        model.compile(optimizer=kinds[-1](learning_rate=0.5), loss="mse")
        model.optimizer.build(variables)
        fresh = slots(model.optimizer, variables)
        restored(model, clean)
        expected, steps, rate = held[-1]
        assert expected
        found = slots(model.optimizer, variables)
        for key, value in fresh.items():
            same(found[key], expected.get(key, value))
        optimizer = model.optimizer
    elif policy == "unify" and getattr(model, "optimizer", None) is None:
        # The first part's optimizer covers the variables of both.
        optimizer = kinds[0](learning_rate=0.5)
        optimizer.build(variables)
        holder = next(layer for layer in model.layers if hasattr(layer, "layers"))
        holder.optimizer = optimizer
        restored(model, clean)
        found = slots(optimizer, variables)
        expected = {key: value for each, _, _ in held for key, value in each.items()}
        assert set(found) == set(expected) and len({number for _, number in found}) == len(variables)
        for key, value in expected.items():
            same(found[key], value)
        _, steps, rate = held[0]
    else:
        place = len(held) - 1 if policy == "keep-last" else 0
        optimizer = optimizers_of(model)[place]
        for value in vars(optimizer).values():
            for variable in value if isinstance(value, (list, tuple)) else [value]:
                if hasattr(variable, "assign") and hasattr(variable, "shape"):
                    variable.assign(np.zeros(variable.shape, str(np.asarray(variable).dtype)))
        restored(model, clean)
        expected, steps, rate = held[place]
        found = slots(optimizer, variables)
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            same(found[key], value)
    assert (int(optimizer.iterations), rate_of(optimizer)) == (steps, rate)
    before = [v.numpy().copy() for v in variables]
    optimizer_variables = list(slots(optimizer, variables))
    trained = [v for number, v in enumerate(variables) if any(n == number for _, n in optimizer_variables)] or variables
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(ramp(model.input_shape)) - 3.0) ** 2)
    gradients = tape.gradient(loss, [v.value if k is keras else v for v in trained])
    optimizer.apply_gradients(zip(gradients, trained))
    assert any((a != b.numpy()).any() for a, b in zip(before, variables))
    assert int(optimizer.iterations) == steps + 1


def rebuilt():
    """source -> (its Keras, how it is made)"""
    for k, prefix in (keras, "keras3"), (tf_keras, "tf_keras"):
        for name, make in make_models.cases(k):
            if name in ("one", "two_adams", "two_kinds", "attribute"):
                yield f"{prefix}_{name}", (k, make)
        for case, outer in ("parts", None), ("parts_and_whole", 0.3):
            yield f"{prefix}_{case}", (k, lambda k=k, outer=outer: make_models.trained_parts(k, outer))


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


def main(models, clean, out):
    models, clean = pathlib.Path(models), pathlib.Path(clean)
    results, made = {}, dict(rebuilt())

    def check(name, kind, function, *arguments):
        try:
            function(*arguments)
            results[name][kind] = ""
        except Exception:  # noqa: BLE001: each is a finding
            results[name][kind] = traceback.format_exc(limit=-6)[-3000:]

    for path in sorted(clean.iterdir()):
        name, policy = path.name.rsplit("@", 1)
        source = models / name
        results[path.name] = {}
        if path.is_dir():
            check(path.name, "checkpoint", checkpoint, source, path)
            check(path.name, "core", core, source, path)
            check(path.name, "session", session, source, path)
            if policy in ("strip", "keep-last"):
                check(path.name, "layer", layer, source, path)
            if (path / "keras_metadata.pb").exists():
                check(path.name, "tf_keras", tf_keras_model, source, path, policy)
        else:
            check(path.name, "tree", tree, source, path)
            if ".weights." not in name:
                check(path.name, "keras", keras_file, keras if name.startswith("keras3") else tf_keras, source, path, policy)
        if path.is_dir():
            if name in made and policy != "strip":
                check(path.name, "resumed", resumed, *made[name], source, path, policy)
    pathlib.Path(out).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main(*sys.argv[1:])
