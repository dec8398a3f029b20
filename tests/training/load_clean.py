"""Loads what `pumice optimizers --fix` wrote, with the real TensorFlow, tf_keras and Keras 3, and trains it on.

    python load_clean.py MODELS CLEAN OUT.json

MODELS: what make_models.py made. CLEAN: folders and files named SOURCE@POLICY. One process for all: importing
TensorFlow costs more than every model here. OUT.json: per name, what each loader said ("" where all is well).
"""
import json
import os
import pathlib
import sys
import traceback

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras  # noqa: E402
import tf_keras  # noqa: E402

from clean_keras_files import keras_file, tree  # noqa: E402
from clean_resumed import rebuilt, resumed  # noqa: E402
from clean_saved_models import checkpoint, core, layer, session, tf_keras_model  # noqa: E402


def main(models, clean, out):
    models, clean = pathlib.Path(models), pathlib.Path(clean)
    results, made = {}, dict(rebuilt())

    def check(name, kind, function, *arguments):
        try:
            function(*arguments)
            results[name][kind] = ""
        except Exception:  # noqa: BLE001: each is a finding
            results[name][kind] = traceback.format_exc(limit=-6)[-3000:]

    for path in sorted(clean.iterdir()):
        name, policy = path.name.rsplit("@", 1)
        source = models / name
        results[path.name] = {}
        if path.is_dir():
            check(path.name, "checkpoint", checkpoint, source, path)
            check(path.name, "core", core, source, path)
            check(path.name, "session", session, source, path)
            if policy in ("strip", "keep-last"):
                check(path.name, "layer", layer, source, path)
            if (path / "keras_metadata.pb").exists():
                check(path.name, "tf_keras", tf_keras_model, source, path, policy)
            if name in made and policy != "strip":
                check(path.name, "resumed", resumed, *made[name], source, path, policy)
        else:
            check(path.name, "tree", tree, source, path)
            if ".weights." not in name:
                check(path.name, "keras", keras_file, keras if name.startswith("keras3") else tf_keras, source, path, policy)
    pathlib.Path(out).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main(*sys.argv[1:])
