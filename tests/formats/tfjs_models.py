"""Small TFJS graph models, written as the exporter writes them: constants out of the graph into weights files."""
import base64
import dataclasses
import json

import numpy as np
from google.protobuf import json_format

from harness.reference import tf  # sets TensorFlow up before anything runs in it
from tensorflow.core.framework import types_pb2


@dataclasses.dataclass(frozen=True)
class Options:
    quantization: str = ""  # "uint8", "uint16" or "float16", of every constant that it can hold
    shard: int = 4 << 20  # bytes of a weights file
    groups: int = 1
    old: bool = False  # tensorflowjs_model.pb + weights_manifest.json
    spelling: str = "names"  # or "numbers": dtypes by number, strings as arrays of bytes


def _quantize(values, kind):
    """(stored values, manifest members), as tensorflowjs' quantization.py chooses scale and minimum."""
    if kind == "float16" and values.dtype == np.float32:
        return values.astype(np.float16), {"dtype": kind, "original_dtype": "float32"}
    if kind not in ("uint8", "uint16") or values.dtype not in (np.float32, np.int32) or not values.size:
        return values, None
    low, high = float(values.min()), float(values.max())
    scale = (high - low) / np.iinfo(kind).max or 1.0
    stored = np.round((values.astype(np.float64) - low) / scale).astype(kind)
    return stored, {"dtype": kind, "min": low, "scale": scale, "original_dtype": values.dtype.name}


def _as_weight(values):
    """The exporter has no 64-bit weights."""
    return values.astype({"int64": np.int32, "float64": np.float32}.get(values.dtype.name, values.dtype))


def _bytes(values):
    if values.dtype != object:
        return np.ascontiguousarray(values).tobytes()
    return b"".join(len(v).to_bytes(4, "little") + v for v in values.ravel())


def _constants(graph):
    for function in graph.library.function:  # the exporter makes their names unique
        for node in function.node_def:
            if node.op == "Const":
                yield node
    for node in graph.node:
        if node.op == "Const":
            yield node


def _spell_in_numbers(value, dtypes):
    if isinstance(value, list):
        return [_spell_in_numbers(v, dtypes) for v in value]
    if not isinstance(value, dict):
        return value
    out = {}
    for key, v in value.items():
        if key in ("type", "dtype") and isinstance(v, str):
            v = dtypes[v]
        elif key == "s" and isinstance(v, str):
            v = list(base64.b64decode(v))
        elif key in ("size", "i") and isinstance(v, str):
            v = int(v)
        out[key] = _spell_in_numbers(v, dtypes)
    return out


def write(folder, graph, signature=None, options=Options()):
    """Writes `graph` (a GraphDef, which is changed) and returns the path of its main file."""
    weights, data = [], []
    for node in _constants(graph):
        tensor = node.attr["value"].tensor
        values = _as_weight(tf.make_ndarray(tensor))
        for field in ("tensor_content", "float_val", "int_val", "int64_val", "double_val", "bool_val", "string_val"):
            tensor.ClearField(field)
        stored, quantization = _quantize(values, options.quantization)
        dtype = "string" if values.dtype == object else values.dtype.name
        weights.append({"name": node.name, "shape": list(values.shape), "dtype": dtype})
        if quantization:
            weights[-1]["quantization"] = quantization
        data.append(_bytes(stored))
    folder.mkdir(parents=True, exist_ok=True)
    manifest = []
    step = -(-len(weights) // options.groups) or 1
    for first in range(0, len(weights), step):
        whole = b"".join(data[first:first + step])
        pieces = [whole[i:i + options.shard] for i in range(0, len(whole), options.shard)]
        paths = [f"group{len(manifest) + 1}-shard{i + 1}of{len(pieces)}.bin" for i in range(len(pieces))]
        for path, piece in zip(paths, pieces):
            (folder / path).write_bytes(piece)
        manifest.append({"paths": paths, "weights": weights[first:first + step]})
    if options.old:
        (folder / "weights_manifest.json").write_text(json.dumps(manifest))
        (folder / "tensorflowjs_model.pb").write_bytes(graph.SerializeToString())
        return folder / "tensorflowjs_model.pb"
    topology = json_format.MessageToDict(graph)
    if options.spelling == "numbers":
        topology = _spell_in_numbers(topology, dict(types_pb2.DataType.items()))
    model = {"format": "graph-model", "generatedBy": "2.21.0", "convertedBy": "TensorFlow.js Converter v4.22.0",
             "modelTopology": topology, "weightsManifest": manifest}
    if signature:
        model["signature"] = signature
    (folder / "model.json").write_text(json.dumps(model))
    return folder / "model.json"
