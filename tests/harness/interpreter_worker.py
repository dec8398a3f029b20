"""A child process that runs .tflite files in ai-edge-litert's Interpreter: a model may crash it.

Reads a JSON object a line ({"model", "inputs", "outputs", "signature"}), answers one ({"ok"} or {"error"}).
"inputs" and "outputs" may be lists of as many files: one Interpreter runs them all, one after the other.
"""
import json
import os
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType


def load(path):
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def run_by_tensor_names(interpreter, feed):
    """A model without signatures."""
    inputs = {detail["name"].removesuffix(":0"): detail["index"] for detail in interpreter.get_input_details()}
    for name, array in feed.items():
        interpreter.resize_tensor_input(inputs[name], array.shape)
    interpreter.allocate_tensors()
    for name, array in feed.items():
        interpreter.set_tensor(inputs[name], array)
    interpreter.invoke()
    return {detail["name"].removesuffix(":0"): interpreter.get_tensor(detail["index"])
            for detail in interpreter.get_output_details()}


def run(request):
    inputs, outputs = request["inputs"], request["outputs"]
    if isinstance(inputs, str):
        inputs, outputs = [inputs], [outputs]
    feeds = [load(path) for path in inputs]
    # XNNPACK takes no empty tensor; the kernels that it stands in for do.
    empty = any(array.size == 0 for feed in feeds for array in feed.values())
    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES if empty else OpResolverType.AUTO
    interpreter = Interpreter(
        model_path=request["model"], num_threads=1, experimental_op_resolver_type=resolver)
    signatures = interpreter.get_signature_list()
    if not signatures and not request.get("signature"):
        for feed, output in zip(feeds, outputs, strict=True):
            np.savez(output, **run_by_tensor_names(interpreter, feed))
        return {"ok": True}
    key = request.get("signature") or next(iter(signatures), None)
    if key not in signatures:
        raise ValueError(f"no signature {key!r}; there are {sorted(signatures)}")
    runner = interpreter.get_signature_runner(key)
    wanted = runner.get_input_details()
    for feed, output in zip(feeds, outputs, strict=True):
        if set(wanted) != set(feed):
            raise ValueError(f"the signature's inputs are {sorted(wanted)}, expected {sorted(feed)}")
        for name, detail in wanted.items():
            if np.dtype(detail["dtype"]) != feed[name].dtype:
                raise ValueError(f"input {name} has dtype {np.dtype(detail['dtype'])}, "
                                 f"expected {feed[name].dtype}")
        np.savez(output, **runner(**feed))
    return {"ok": True}


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not look like an answer
    for line in sys.stdin:
        try:
            answer = run(json.loads(line))
        except Exception as error:  # whatever it is, it is the case's failure, not the worker's
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


main()
