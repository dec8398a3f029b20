"""Runs one .tflite file in ai-edge-litert's Interpreter.

    interpret.py MODEL                        prints the signatures' inputs as JSON
    interpret.py MODEL IN.npz OUT.npz KEY     runs a signature; an empty KEY runs the model as it is,
                                              inputs and outputs by their positions
"""
import json
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType


def main(model, feed_path=None, out_path=None, key=None):
    # Without delegates, so that two models run by the same kernels.
    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model, experimental_op_resolver_type=resolver)
    signatures = list(interpreter.get_signature_list()) or [""]
    if feed_path is None:
        described = {}
        for key in signatures:
            if key:
                details = interpreter.get_signature_runner(key).get_input_details()
            else:
                details = {str(i): d for i, d in enumerate(interpreter.get_input_details())}
            described[key] = {name: ([int(n) for n in d["shape"]], np.dtype(d["dtype"]).name)
                              for name, d in details.items()}
        print(json.dumps(described))
        return
    with np.load(feed_path) as file:
        feed = {name: file[name] for name in file.files}
    if key:
        outputs = interpreter.get_signature_runner(key)(**feed)
    else:
        interpreter.allocate_tensors()
        for i, detail in enumerate(interpreter.get_input_details()):
            interpreter.set_tensor(detail["index"], feed[str(i)])
        interpreter.invoke()
        outputs = {str(i): interpreter.get_tensor(d["index"])
                   for i, d in enumerate(interpreter.get_output_details())}
    np.savez(out_path, **outputs)


main(*sys.argv[1:])
