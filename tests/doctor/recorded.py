"""Recorded distributions of Keras and TensorFlow, for machines where the real ones cannot be installed.

recorded/NAME-VERSION.txt has, as in a real .dist-info, its Name, Version and the requirements that concern Keras;
`Contains:` lines (a file, and which of the words that doctor searches for stand in it); after an empty line the rows
of its RECORD that matter: every package's __init__.py, Keras's optimizers, TensorFlow's saved_model.

`python tests/doctor/recorded.py` records them anew from .cache/doctor and .cache/venv.
"""
import pathlib
import re
import sys

FOLDER = pathlib.Path(__file__).parent / "recorded"
WORDS = ("Duplicate registrations", "register_revived_type", "experimentalOptimizer")
# What doctor opens. These get contents of our own, and hashes of these contents in their RECORD.
READ = re.compile(r"(keras|tf_keras|tensorflow)/__init__\.py|keras/optimizers/(optimizer_experimental/)?"
                  r"(__init__|optimizer)\.py|(tf_)?keras/src/optimizers/optimizer\.py|"
                  r"tensorflow/python/saved_model/revived_types\.py")
ROWS = re.compile(r"(keras|tf_keras)/((?!api/|legacy_tf_layers)\w+/)*(__init__\.py|optimizers/[\w/]*\.py)|"
                  r"tensorflow/(__init__|python/saved_model/\w+)\.py")
ENVIRONMENTS = {
    "tf-2.13-overlaid": ["tensorflow-cpu-2.13.1", "keras-2.12.0", "keras-nightly-2.13.0.dev2023050207"],
    "tf-2.15": ["tensorflow-cpu-2.15.1", "keras-2.15.0"],
    "tf-2.21": ["tensorflow_cpu-2.21.0", "keras-3.15.1"],
    "tf-2.21-with-tf_keras": ["tensorflow_cpu-2.21.0", "keras-3.15.1", "tf_keras-2.21.0"],
}


def make(name, folder, install):
    """The site-packages of ENVIRONMENTS[name] below `folder`, by trees.install."""
    for distribution in ENVIRONMENTS[name]:
        head, rows = (FOLDER / f"{distribution}.txt").read_text().split("\n\n")
        fields = [line.split(": ", 1) for line in head.splitlines()]
        words = {value.split(" ", 1)[0]: value.split(" ", 1)[1] for key, value in fields if key == "Contains"}
        files = {}
        for row in rows.splitlines():
            path, digest, size = row.split(",")
            files[path] = f"# {distribution}: {words.get(path, '')}\n" if READ.fullmatch(path) else (digest, int(size))
        install(folder, dict(fields)["Name"], dict(fields)["Version"], files,
                [value for key, value in fields if key == "Requires-Dist"])


def record(info):
    """The text for one real .dist-info folder."""
    lines = []
    for line in (info / "METADATA").read_text().split("\n\n")[0].splitlines():
        if re.match(r"Name:|Version:|Requires-Dist: (tf.)?keras", line):
            lines.append(line)
    rows = [row for row in (info / "RECORD").read_text().splitlines() if ROWS.fullmatch(row.split(",")[0])]
    for row in rows:
        path = row.split(",")[0]
        text = (info.parent / path).read_text() if READ.fullmatch(path) else ""
        found = [word for word in WORDS if word in text]
        if found:
            lines.append(f"Contains: {path} {', '.join(found)}")
    return "\n".join(lines + [""] + rows) + "\n"


def main(cache):
    FOLDER.mkdir(exist_ok=True)
    for info in sorted(cache.glob("doctor/*/lib/python3.*/site-packages/*.dist-info")) + sorted(
            cache.glob("venv/lib/python3.*/site-packages/tf_keras-*.dist-info")):
        if re.match(r"keras|tensorflow|tf_keras", info.name):
            fields = dict(re.findall(r"^(Name|Version): (.*)$", (info / "METADATA").read_text(), re.M))
            (FOLDER / f"{fields['Name']}-{fields['Version']}.txt").write_text(record(info))


if __name__ == "__main__":
    sys.path.insert(0, str(FOLDER.parents[1]))
    from harness import binary
    main(binary.CACHE)
