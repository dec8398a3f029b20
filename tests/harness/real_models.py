"""Real, trained detectors out of published packages (scripts/fetch-models), cut to their raw heads, with their referees."""
import dataclasses
import json
import pathlib

import numpy as np

from harness import binary, tfjs

MODELS = binary.CACHE / "models"


@dataclasses.dataclass(frozen=True)
class RealModel:
    name: str
    source: str  # below .cache/models
    input: str
    outputs: tuple
    size: int
    referee: str  # "graph_def", "tfjs" or "tfjs_old" (a GraphDef whose weights stand beside it)

    @property
    def path(self):
        return MODELS / self.source

    def flags(self):
        return ["--input-arrays", self.input, "--output-arrays", ",".join(self.outputs),
                "--input-shapes", f"1,{self.size},{self.size},3"]

    def expected(self, feed):
        """The referee's outputs by name."""
        if self.referee == "tfjs":
            return tfjs.outputs(self.path, feed, list(self.outputs))
        from harness import reference
        with reference.runner(self.graph_def(), list(self.outputs)) as run:
            return run(feed)

    def graph_def(self):
        import tensorflow as tf
        graph = tf.compat.v1.GraphDef()
        graph.ParseFromString(self.path.read_bytes())
        if self.referee == "tfjs_old":
            weights = _weights(self.path.with_name("weights_manifest.json"))
            for node in graph.node:
                if node.op == "Const":
                    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(weights[node.name]))
        return graph


def _weights(manifest):
    """TFJS's weights file as arrays by node name (unquantized ones only)."""
    found = {}
    for group in json.loads(manifest.read_text()):
        data = b"".join((pathlib.Path(manifest).parent / path).read_bytes() for path in group["paths"])
        at = 0
        for weight in group["weights"]:
            values = np.frombuffer(data, weight["dtype"], int(np.prod(weight["shape"], dtype=int)), at)
            found[weight["name"]] = values.reshape(weight["shape"])
            at += values.nbytes
    return found


_TF1_HEADS = ("Preprocessor/map/TensorArrayStack/TensorArrayGatherV3", ("Squeeze", "Postprocessor/convert_scores"))
_FPN = "StatefulPartitionedCall/"
_FPN_HEADS = (_FPN + "map/TensorArrayV2Stack/TensorListStack", (_FPN + "concat", _FPN + "concat_1"))

REAL = {
    model.name: model for model in [
        RealModel("pedestrian", "pedestrian/frozen_inference_graph.pb", *_TF1_HEADS, 300, "graph_def"),
        *(RealModel(f"handtrack-fpn-{kind}", f"handtrack/ssd320fpnlite/{kind}/model.json", *_FPN_HEADS, 320, "tfjs")
          for kind in ("base", "fp16", "int8")),
        RealModel("handtrack-ssdlite", "handtrack/ssdlitemobilenetv2/tensorflowjs_model.pb", *_TF1_HEADS, 300,
                  "tfjs_old"),
    ]
}
