"""The referee of TFJS models: npm's TensorFlow.js on Node, in a child process."""
import json
import pathlib
import subprocess
import tempfile

import numpy as np

from harness import binary

SCRIPT = pathlib.Path(__file__).with_name("tfjs_referee.mjs")


def outputs(model_json, feed, names, whole=False):
    """name -> array, of any nodes of the graph, from values for any nodes of it. `whole`: with its loops."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        inputs = {}
        for i, (name, value) in enumerate(feed.items()):
            if value.dtype == np.uint8:
                value = value.astype(np.int32)  # TFJS has no uint8
            path = folder / f"in{i}.bin"
            path.write_bytes(np.ascontiguousarray(value).tobytes())
            inputs[name] = {"file": str(path), "shape": value.shape, "dtype": value.dtype.name}
        request = folder / "request.json"
        request.write_text(json.dumps({"inputs": inputs, "outputs": names, "whole": whole}))
        done = subprocess.run(
            ["node", str(SCRIPT), str(binary.CACHE / "node/node_modules"), str(model_json), str(request), str(folder)],
            capture_output=True, text=True, timeout=600)
        if done.returncode:
            raise RuntimeError(f"the TFJS referee failed on {model_json}:\n{done.stderr[-3000:]}")
        about = json.loads((folder / "outputs.json").read_text())
        return {
            name: np.fromfile(folder / f"{i}.bin", of["dtype"]).reshape(of["shape"])
            for i, (name, of) in enumerate(zip(names, about))
        }
