"""One of the libraries that run detectors by their metadata, in a process of its own (see libraries.py).

    library_worker.py detect PICTURE MODEL…     the detections of each model
    library_worker.py metadata MODEL            TensorFlow Lite Support's reading of a model's metadata
    library_worker.py write MODEL LABELS MEAN STD OUT    its own metadata for a detector
Prints one JSON document as the last line."""
import json
import sys
import types


def task_library(picture, models):
    from tflite_support.task import core, processor, vision
    for model in models:
        detector = vision.ObjectDetector.create_from_options(vision.ObjectDetectorOptions(
            base_options=core.BaseOptions(file_name=model),
            detection_options=processor.DetectionOptions(score_threshold=0.3)))
        yield detector.detect(vision.TensorImage.create_from_file(picture)).detections


def mediapipe(picture, models):
    for name in ("cv2", "matplotlib", "matplotlib.pyplot", "sounddevice"):  # only its drawing and its sound use them
        sys.modules[name] = types.ModuleType(name)
    sys.modules["matplotlib"].pyplot = sys.modules["matplotlib.pyplot"]
    import mediapipe as mp
    from mediapipe.tasks.python import BaseOptions, vision
    for model in models:
        with vision.ObjectDetector.create_from_options(vision.ObjectDetectorOptions(
                base_options=BaseOptions(model_asset_path=model), score_threshold=0.3)) as detector:
            yield detector.detect(mp.Image.create_from_file(picture)).detections


def as_json(detections):
    found = []
    for detection in detections:
        box, category = detection.bounding_box, detection.categories[0]
        found.append({"name": category.category_name, "score": category.score, "left": box.origin_x,
                      "top": box.origin_y, "right": box.origin_x + box.width, "bottom": box.origin_y + box.height})
    return found


def metadata(model):
    from tensorflow_lite_support.metadata.cc.python import _pywrap_metadata_version
    from tflite_support import metadata as support
    displayer = support.MetadataDisplayer.with_model_file(model)
    return {"metadata": json.loads(displayer.get_metadata_json()),
            "files": {name: displayer.get_associated_file_buffer(name).decode()
                      for name in displayer.get_packed_associated_file_list()},
            "min_parser_version": _pywrap_metadata_version.GetMinimumMetadataParserVersion(
                bytes(displayer.get_metadata_buffer()))}


def write(model, labels, mean, std, out):
    from tflite_support.metadata_writers import object_detector, writer_utils
    writer = object_detector.MetadataWriter.create_for_inference(
        writer_utils.load_file(model), [float(mean)], [float(std)], [labels])
    writer_utils.save_file(writer.populate(), out)


if __name__ == "__main__":
    library, command, *arguments = sys.argv[1:]
    if command == "detect":
        run = {"task-library": task_library, "mediapipe": mediapipe}[library]
        result = [as_json(found) for found in run(arguments[0], arguments[1:])]
    else:
        result = {"metadata": metadata, "write": write}[command](*arguments)
    print(json.dumps(result))
