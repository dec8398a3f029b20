"""TFLiteConverter in a process of its own:  convert.py REQUEST.json ANSWER.json

Request: {"route", "source", "out"}, and what the route needs; answer: {"error"}, the first line of what it said, or {}.
"""
import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import tensorflow as tf


def saved_model(request):
    return tf.lite.TFLiteConverter.from_saved_model(request["source"], signature_keys=[request["signature"]])


def saved_model_folder(request):
    return tf.lite.TFLiteConverter.from_saved_model(os.path.dirname(request["source"]))


def frozen_graph(request):
    return tf.compat.v1.lite.TFLiteConverter.from_frozen_graph(
        request["source"], request["inputs"], request["outputs"], dict(zip(request["inputs"], request["shapes"])))


def unfrozen_graph(request):
    """The graph of a checkpoint, as it stands in its .meta file."""
    meta = tf.compat.v1.MetaGraphDef()
    with open(request["source"], "rb") as file:
        meta.ParseFromString(file.read())
    request["source"] = request["out"] + ".pb"
    with open(request["source"], "wb") as file:
        file.write(meta.graph_def.SerializeToString())
    return frozen_graph(request)


def keras(request):
    import tf_keras
    return tf.lite.TFLiteConverter.from_keras_model(tf_keras.models.load_model(request["source"]))


def first_line(error):
    line = next((line for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {line}"


def main(request, answer):
    with open(request) as file:
        request = json.load(file)
    try:
        model = globals()[request["route"]](request).convert()
        with open(request["out"], "wb") as file:
            file.write(model)
        said = {}
    except Exception as error:  # whatever it raises is the answer
        said = {"error": first_line(error)}
    with open(answer, "w") as file:
        json.dump(said, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
