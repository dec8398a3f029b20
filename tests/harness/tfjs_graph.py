"""A TFJS graph model as a GraphDef with its weights in it: TensorFlow runs whole detectors far sooner than TFJS's CPU backend."""
import base64
import collections
import json
import pathlib

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2

_KINDS = {"float32": np.float32, "int32": np.int32, "bool": np.bool_}


def graph_def(model_json):
    """What TFJS's own converter fused is taken apart again, so that each node is one that TensorFlow has."""
    document = json.loads(pathlib.Path(model_json).read_text())
    weights = _weights(pathlib.Path(model_json).parent, document["weightsManifest"])
    graph = tf.compat.v1.GraphDef()
    graph.versions.producer = 440
    for node in document["modelTopology"]["node"]:
        _add(graph, node, weights)
    _enter_constants(graph)
    return graph


def _enter_constants(graph):
    """TFJS drops the control edges that hold a loop's constants in its frame; TensorFlow wants them to enter it."""
    nodes = {node.name: node for node in graph.node}
    readers = collections.defaultdict(list)
    for node in graph.node:
        for operand in node.input:
            readers[operand.lstrip("^").split(":")[0]].append(node)
    body, pending = {}, [(node.name, node.attr["frame_name"].s) for node in graph.node if node.op == "Enter"]
    assert len({frame for _, frame in pending}) <= 1, "nested loops need more care than this"
    while pending:
        name, frame = pending.pop()
        for node in readers[name]:
            if node.name not in body:
                body[node.name] = frame
                if node.op != "Exit":
                    pending.append((node.name, frame))
    for name, frame in body.items():
        for i, operand in enumerate(nodes[name].input):
            if not operand.startswith("^") and nodes[operand.split(":")[0]].op == "Const":
                entered = f"{operand}/entered"
                if entered not in nodes:
                    nodes[entered] = graph.node.add(name=entered, op="Enter", input=[operand])
                    attrs = nodes[entered].attr
                    attrs["frame_name"].s, attrs["is_constant"].b = frame, True
                    attrs["T"].type, attrs["parallel_iterations"].i = nodes[operand].attr["dtype"].type, 32
                nodes[name].input[i] = entered


def _add(graph, node, weights):
    if node["op"] == "Const":
        made = graph.node.add(name=node["name"], op="Const")
        value = weights[node["name"]]
        made.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
        made.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
        return
    inputs, attrs = node.get("input", []), dict(node.get("attr", {}))
    op = {"_FusedConv2D": "Conv2D", "FusedDepthwiseConv2dNative": "DepthwiseConv2dNative"}.get(node["op"])
    if op is None:
        _node(graph, node["name"], node["op"], inputs, attrs)
        return
    steps = [base64.b64decode(step).decode() for step in attrs.pop("fused_ops")["list"]["s"]]
    wanted = {key: attrs[key] for key in ("T", "strides", "padding", "data_format", "dilations") if key in attrs}
    names = [f"{node['name']}/part{i}" for i in range(len(steps))] + [node["name"]]
    _node(graph, names[0], op, inputs[:2], wanted)
    assert steps[0] == "BiasAdd" and len(inputs) == 3, node
    for i, step in enumerate(steps):
        arguments = [names[i], inputs[2]] if step == "BiasAdd" else [names[i]]
        _node(graph, names[i + 1], step, arguments, {"T": wanted["T"]})


def _node(graph, name, op, inputs, attrs):
    made = graph.node.add(name=name, op=op, input=inputs)
    for key, value in attrs.items():
        _attribute(made.attr[key], value)


def _attribute(to, value):
    (kind, content), = value.items() if value else [("s", "")]
    if kind == "list":
        for key, elements in content.items():
            getattr(to.list, key).extend(_scalar(key, element) for element in elements)
        to.list.SetInParent()
    elif kind == "shape":
        to.shape.unknown_rank = content.get("unknownRank", False)
        for dim in content.get("dim", []):
            to.shape.dim.add(size=int(dim["size"]))
    else:
        setattr(to, kind, _scalar(kind, content))


def _scalar(kind, value):
    if kind == "s":
        return base64.b64decode(value)
    if kind == "type":
        return types_pb2.DataType.Value(value)
    return {"i": int, "f": float, "b": bool}[kind](value)


def _weights(folder, manifest):
    found = {}
    for group in manifest:
        data = b"".join((folder / path).read_bytes() for path in group["paths"])
        at = 0
        for weight in group["weights"]:
            shape, quantized = weight["shape"], weight.get("quantization")
            stored = np.dtype(quantized["dtype"] if quantized else _KINDS[weight["dtype"]])
            values = np.frombuffer(data, stored, int(np.prod(shape, dtype=int)), at)
            at += values.nbytes
            if quantized and "scale" in quantized:
                values = values * quantized["scale"] + quantized["min"]
                values = np.round(values) if weight["dtype"] == "int32" else values
            found[weight["name"]] = values.astype(_KINDS[weight["dtype"]]).reshape(shape)
    return found
