"""What TensorFlow itself reads from a model: the reference that the readers are compared with.

    python referee.py KIND PATH      prints JSON; KIND: saved_model, checkpoint, graph_def

Runs in a process of its own, one model each.
"""
import json
import os
import struct
import sys
import zlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

v1 = tf.compat.v1


def checksum(array):
    """As pumice_dump computes it: CRC-32 of the bytes; strings as length and characters."""
    array = np.asarray(array)
    if array.dtype == object or array.dtype.kind in "SU":
        crc = 0
        for text in array.reshape(-1):
            text = text if isinstance(text, bytes) else str(text).encode()
            crc = zlib.crc32(text, zlib.crc32(struct.pack("<Q", len(text)), crc))
        return crc
    return zlib.crc32(np.ascontiguousarray(array).tobytes())


def described(array):
    # A plain bytes value would lose the zeros at its end in a NumPy string.
    array = np.array(array, dtype=object) if isinstance(array, bytes) else np.asarray(array)
    return {"dims": list(array.shape), "crc": checksum(array)}


def by_session(load):
    """Every variable node that has a value once `load(session)` has run."""
    values = {}
    with tf.Graph().as_default() as graph, v1.Session() as session:
        load(session)
        fetches = {}
        for op in graph.get_operations():
            if op.type == "VarHandleOp":
                fetches[op.name] = tf.raw_ops.ReadVariableOp(
                    resource=op.outputs[0], dtype=op.get_attr("dtype"))
            elif op.type in ("VariableV2", "Variable"):
                fetches[op.name] = op.outputs[0]
        for name, tensor in fetches.items():
            try:
                values[name] = described(session.run(tensor))
            except tf.errors.FailedPreconditionError:
                pass  # not restored
    return values


def by_loading(path, tags):
    """Signature → the values of what its function captures, in the order of the call's last operands;
    null for what is no variable."""
    loaded = tf.saved_model.load(path, tags=tags)
    captured = {}
    for key, function in loaded.signatures.items():
        variables = {id(v.handle): v for v in function.graph.variables}
        values = []
        for tensor in function.captured_inputs:
            variable = variables.get(id(tensor))
            values.append(described(variable.numpy()) if variable is not None else None)
        captured[key] = values
    return captured


def flat_functions(graph_def):
    """Function → node → its inputs as node:flat result number."""
    from tensorflow.python.framework import function_def_to_graph
    flat = {}
    graph = tf.Graph()
    with graph.as_default():  # the functions must know each other
        tf.import_graph_def(v1.GraphDef(library=graph_def.library, versions=graph_def.versions), name="")
    for function in graph_def.library.function:
        with graph.as_default():
            definition, _ = function_def_to_graph.function_def_to_graph_def(function)
        flat[function.signature.name] = {
            node.name: [i if ":" in i else i + ":0" for i in node.input if not i.startswith("^")]
            for node in definition.node}
    return flat


def saved_model(path):
    from google.protobuf import text_format
    from tensorflow.core.protobuf import saved_model_pb2
    message = saved_model_pb2.SavedModel()
    if os.path.exists(os.path.join(path, "saved_model.pb")):
        with open(os.path.join(path, "saved_model.pb"), "rb") as file:
            message.ParseFromString(file.read())
    else:
        with open(os.path.join(path, "saved_model.pbtxt")) as file:
            text_format.Parse(file.read(), message)
    graphs = []
    for meta in message.meta_graphs:
        tags = list(meta.meta_info_def.tags)
        signatures = {}
        for key, signature in meta.signature_def.items():
            if key.startswith("__saved_model_"):
                continue
            signatures[key] = {
                side: [[name, info.name, tf.as_dtype(info.dtype).name,
                        None if info.tensor_shape.unknown_rank else [d.size for d in info.tensor_shape.dim]]
                       for name, info in sorted(getattr(signature, side).items())]
                for side in ("inputs", "outputs")}
        objects = [{"kind": node.WhichOneof("kind"), "children": sorted([c.local_name, c.node_id] for c in node.children),
                    "slots": len(node.slot_variables)} for node in meta.object_graph_def.nodes]
        graphs.append({
            "tags": tags, "signatures": signatures, "objects": objects,
            "restored": by_session(lambda session: v1.saved_model.load(session, tags, path)),
            "captured": by_loading(path, tags) if meta.object_graph_def.nodes else None,
            "functions": flat_functions(meta.graph_def)})
    prefix = os.path.join(path, "variables", "variables")
    return {"graphs": graphs, "checkpoint": entries(prefix) if os.path.exists(prefix + ".index") else {}}


def entries(prefix):
    reader = tf.train.load_checkpoint(prefix)
    return {key: described(reader.get_tensor(key)) for key in reader.get_variable_to_shape_map()}


def checkpoint(prefix):
    def load(session):
        v1.train.import_meta_graph(prefix + ".meta").restore(session, prefix)
    return {"restored": by_session(load), "checkpoint": entries(prefix)}


def graph_def(path):
    from google.protobuf import text_format
    definition = v1.GraphDef()
    if path.endswith("txt"):
        with open(path) as file:
            text_format.Parse(file.read(), definition)
    else:
        with open(path, "rb") as file:
            definition.ParseFromString(file.read())
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(definition, name="")
    results = {op.name: len(op.outputs) for op in graph.get_operations()}
    nodes = {}
    for node in definition.node:
        nodes[node.name] = {
            "op": node.op, "results": results[node.name],
            "inputs": [i if ":" in i else i + ":0" for i in node.input if not i.startswith("^")],
            "control": [i[1:] for i in node.input if i.startswith("^")]}
        if node.op == "Const":
            nodes[node.name]["value"] = described(tf.make_ndarray(node.attr["value"].tensor))
    return {"nodes": nodes, "functions": flat_functions(definition)}


if __name__ == "__main__":
    json.dump({"saved_model": saved_model, "checkpoint": checkpoint,
               "graph_def": graph_def}[sys.argv[1]](sys.argv[2]), sys.stdout)
