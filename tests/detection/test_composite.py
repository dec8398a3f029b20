"""The object-detection API's composite TFLite_Detection_PostProcess, as export_tflite_graph_tf2 writes it: a function
whose `_implements` holds name and options, and whose body returns zeros. The referee is TensorFlow's own converter,
which knows the composite: both files must compute the same."""
import pathlib
import struct

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers

from harness import binary, tflite_file

OUT = binary.ROOT / "build/detection"
NAME = "TFLite_Detection_PostProcess"

DEFAULTS = {
    "max_detections": 10, "max_classes_per_detection": 1, "use_regular_nms": False, "nms_score_threshold": 1e-8,
    "nms_iou_threshold": 0.6, "y_scale": 10.0, "x_scale": 10.0, "h_scale": 5.0, "w_scale": 5.0, "num_classes": 3,
}
# Name: (options, columns of scores, boxes).
CASES = {
    "exporter": ({}, 4, 61),
    "regular": ({"use_regular_nms": True, "max_detections": 25, "nms_iou_threshold": 0.4}, 4, 61),
    "regular-per-class": ({"use_regular_nms": True, "detections_per_class": 3, "num_classes": 5}, 6, 40),
    "no-background": ({"use_regular_nms": True, "num_classes": 4, "nms_score_threshold": 0.5}, 4, 40),
    "two-classes-a-box": ({"max_classes_per_detection": 2, "max_detections": 6}, 4, 40),
    "one-class": ({"num_classes": 1, "max_detections": 100, "use_regular_nms": True}, 2, 61),
    "scales": ({"y_scale": 8.0, "x_scale": 4.0, "h_scale": 2.5, "w_scale": 3.0}, 4, 40),
    "nothing-found": ({"nms_score_threshold": 1.5, "use_regular_nms": True}, 4, 40),
}


def implements(options, name=NAME):
    """The text that the exporter builds."""
    kinds = {bool: "b", int: "i", float: "f"}
    attributes = [f'attr {{ key: "{key}" value {{ {kinds[type(value)]}: {str(value).lower()} }} }}'
                  for key, value in options.items()]
    return " ".join([f'name: "{name}"', *attributes])


class Detector(tf.Module):
    def __init__(self, options, columns, boxes, text=None):
        super().__init__()
        random = np.random.default_rng(3)
        self.boxes, self.columns = boxes, columns
        self.encoder = tf.Variable(random.normal(size=(8, boxes * 4)).astype(np.float32))
        self.scorer = tf.Variable(random.normal(size=(8, boxes * columns)).astype(np.float32))
        self.anchors = np.concatenate([random.uniform(0.1, 0.9, (boxes, 2)), random.uniform(0.05, 0.4, (boxes, 2))],
                                      1).astype(np.float32)

        @tf.function(experimental_implements=text or implements(options))
        def post_processing(box_encodings, class_predictions, anchors):
            return tuple(tf.constant(0.0, tf.float32, name=name)
                         for name in ("boxes", "classes", "scores", "num_detections"))

        self.post_processing = post_processing

    @tf.function(input_signature=[tf.TensorSpec([1, 8], tf.float32, name="features")])
    def inference(self, features):
        encodings = tf.reshape(features @ self.encoder, [1, self.boxes, 4])
        scores = tf.sigmoid(tf.reshape(features @ self.scorer, [1, self.boxes, self.columns]))
        # The exporter, too, gives the results in reverse.
        return self.post_processing(encodings, scores, tf.constant(self.anchors))[::-1]


def custom_op(path):
    """The options and the result tensors of the one custom op."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(pathlib.Path(path).read_bytes(), 0))
    found = [op for op in model.subgraphs[0].operators if model.operatorCodes[op.opcodeIndex].customCode]
    assert len(found) == 1 and model.operatorCodes[found[0].opcodeIndex].customCode == NAME.encode()
    return flexbuffers.Loads(bytes(found[0].customOptions)), list(found[0].outputs)


@pytest.mark.parametrize("name", list(CASES))
def test_same_as_the_official_converter(name, pumice, runtimes):
    changed, columns, boxes = CASES[name]
    options = {**DEFAULTS, **changed}
    detector = Detector(options, columns, boxes)
    folder = OUT / f"composite-{name}"
    tf.saved_model.save(detector, folder, signatures=detector.inference.get_concrete_function())
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    converter.allow_custom_ops = True
    official, ours = OUT / f"{name}.official.tflite", OUT / f"{name}.tflite"
    official.write_bytes(converter.convert())
    outcome = binary.run("convert", folder, "-o", ours)
    assert outcome.status == 0, outcome.text()

    there, results = custom_op(ours)
    assert results == sorted(results)
    for key, value in options.items():
        assert there[key] == (struct.unpack("f", struct.pack("f", value))[0] if isinstance(value, float) else value)
    expected, _ = custom_op(official)
    assert {k: there[k] for k in expected} == pytest.approx(expected)
    assert "custom:" + NAME in tflite_file.operators(ours)

    random = np.random.default_rng(5)
    for scale in (0.3, 1.5):
        feed = {"features": (random.normal(size=(1, 8)) * scale).astype(np.float32)}
        inputs = OUT / "composite.npz"
        np.savez(inputs, **feed)
        for runtime in runtimes:
            theirs = runtime.run(official, inputs, OUT / "composite.out.npz")
            found = runtime.run(ours, inputs, OUT / "composite.out.npz")
            assert set(found) == set(theirs)
            if "detections_per_class" in options:  # TensorFlow's converter drops this option
                assert "detections_per_class" not in expected
                continue
            count = int(theirs["output_0"][0])
            assert (count > 0) == (name != "nothing-found")
            # Without use_regular_nms the kernel leaves what lies behind the last detection as it was.
            rows = count * options["max_classes_per_detection"]
            for output in theirs:
                valid = slice(None) if found[output].ndim == 1 else (slice(None), slice(rows))
                np.testing.assert_allclose(found[output][valid], theirs[output][valid], rtol=1e-5, atol=1e-6)
    # verify's reference is pumice's own evaluation of the op.
    outcome = binary.run("verify", folder, ours)
    assert options["use_regular_nms"] is False or outcome.status == 0, outcome.text()


def converted(folder, text, options=None):
    detector = Detector({**DEFAULTS, **(options or {})}, 4, 20, text)
    tf.saved_model.save(detector, OUT / folder, signatures=detector.inference.get_concrete_function())
    target = OUT / f"{folder}.tflite"
    target.unlink(missing_ok=True)
    return binary.run("convert", OUT / folder, "-o", target), target


def test_options_that_the_kernel_refuses(pumice):
    for options, said in (({"num_classes": 0}, "'num_classes'; expected 1 to"), ({"h_scale": 0.0}, "a positive number"),
                          ({"nms_iou_threshold": 1.5}, "at most 1")):
        outcome, target = converted("composite-wrong", None, options)
        assert outcome.status == 3 and said in outcome.stderr, outcome.text()
        assert not target.exists()
    outcome, target = converted("composite-short", 'name: "%s"' % NAME)
    assert outcome.status == 3 and "max_detections" in outcome.stderr and not target.exists(), outcome.text()


def test_another_stand_in_is_refused(pumice):
    for text in ('name: "mine:Special"', "mine:Special"):
        outcome, target = converted("composite-other", text)
        assert outcome.status == 4 and "'mine:Special'" in outcome.stderr, outcome.text()
        assert not target.exists()


def test_another_composite_is_its_body(pumice):
    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([2, 3], tf.float32, name="x")])
        def run(self, x):
            @tf.function(experimental_implements="mine:Double")
            def double(y):
                return y * 2.0

            return {"y": double(x) + 1.0}

    module = Module()
    tf.saved_model.save(module, OUT / "composite-body", signatures=module.run)
    target = OUT / "composite-body.tflite"
    outcome = binary.run("convert", OUT / "composite-body", "-o", target)
    assert outcome.status == 0, outcome.text()
    outcome = binary.run("verify", OUT / "composite-body", target)
    assert outcome.status == 0, outcome.text()
    assert set(tflite_file.operators(target)) == {"MUL", "ADD"}
