"""Clean SavedModels as TensorFlow's loaders, tf_keras and Keras 3's TFSMLayer have them, against their sources."""
import functools
import tempfile

import keras
import numpy as np
import tensorflow as tf
import tf_keras
from tensorflow.core.protobuf import saved_model_pb2, trackable_object_graph_pb2

from exact import ramp, same
from networks import X, Y

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
            step = [loaded.signatures["train"](x=tf.constant(X), y=tf.constant(Y)) for _ in range(2)]
            results.append([v.numpy() for r in step for v in r.values()] +
                           [v for outputs in inference(loaded).values() for v in outputs.values()])
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
