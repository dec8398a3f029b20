"""`.keras`, `.h5` and `.weights.h5` of the real Keras 3, tf_keras and its legacy optimizers: what was made is what is found."""
import json
import zipfile

import h5py
import numpy as np
import pytest

from harness import binary
from test_optimizers import BOTH, adam, analyzed, made, sgd

THREE = ["r0", "r1", "r2"]


@pytest.fixture(scope="session")
def files():
    return made("keras-", "make_keras_files.py", "networks.py")


def unknown(steps=None, owner=None, **more):
    return {"kind": "unknown", "class_name": None, "iterations": steps, "owner": owner, "generation": "tf_keras", **more}


def state(tensors, scalars):
    """The bytes of a Dense(3 → 2)'s state: `tensors` slots of kernel and bias, 4 bytes an element."""
    return tensors * (6 + 2) * 4 + scalars


K3, TF = {"generation": "keras3"}, {"generation": "tf_keras"}
MV = {"slots": ["momentum", "velocity"]}
# An .h5 file holds the outermost model's optimizer, and no other: there is nothing in it that could conflict.
H5 = {
    "one": [adam(0.002, 3, beta_1=0.8, variables=2, class_name="Adam", custom=False)],
    "none": [],
    "compiled_twice": [adam(0.002, 2, variables=2)],
    "same_adams": [adam(0.01, 3, variables=4)],
    "two_adams": [adam(0.002, 3, variables=4)],
    "two_kinds": [adam(0.002, 3, variables=4)],
    "attribute": [adam(0.002, 2, variables=2)],
    "custom": [adam(0.003, 1, custom=True, class_name="MyAdam", registered_name=None, variables=2)],
    "registered": [sgd(0.003, 1, custom=True, class_name="MySGD", registered_name="pets>MySGD", momentum=0.9, variables=2)],
    "ssd_shared": [sgd(0.1, 1, momentum=0.5, variables=12)],
    "ssd_one_sgd": [sgd(0.1, 1, momentum=0.5, variables=12)],
    "ssd_own": [sgd(0.3, 1, momentum=0.5, variables=12)],
    "scaled": [adam(0.002, 1, class_name="Adam", variables=2)],
    "schedule": [{"kind": "sgd", "iterations": 1, "momentum": 0.9, "variables": 2, "learning_rate": ...}],
}
KNOWN = {}
for _name, _expected in H5.items():
    for _k, _generation in ("keras3", K3), ("tf_keras", TF):
        KNOWN[f"{_k}_{_name}.h5"] = [r | _generation for r in _expected], {}
KNOWN |= {
    "keras3_one.h5": ([H5["one"][0] | MV | {"bytes": state(2, 12)}], {}),
    "tf_keras_one.h5": ([H5["one"][0] | {"slots": ["m", "v"], "bytes": state(2, 8), "registered_name": "Custom>Adam"}], {}),
    # Keras 3 writes a package before registered classes only; tf_keras writes the same before its own.
    "keras3_named_adam.h5": ([adam(0.003, 1, custom=True, registered_name="Custom>Adam")], {"override": ["r0"]}),
    "tf_keras_named_adam.h5": ([adam(0.003, 1, custom=False, registered_name="Custom>Adam")], {}),
    "legacy_one.h5": ([adam(0.002, 3, generation="tf_keras_legacy", slots=["m", "v"], variables=2, bytes=state(2, 8), decay=0)], {}),
    "legacy_two_kinds.h5": ([adam(0.002, 3, generation="tf_keras_legacy", variables=4)], {}),
    # A .keras file has no state of legacy optimizers.
    "legacy_one.keras": ([adam(0.002, None, generation="tf_keras_legacy", variables=None, bytes=None)], {}),
    "legacy_two_kinds.keras": ([adam(0.002, None, generation="tf_keras_legacy"), sgd(0.01, None, "base", momentum=0.9)], {"merged": BOTH}),
    "legacy_ssd_one_sgd.keras": ([sgd(0.1, None, generation="tf_keras_legacy")], {}),
    "keras3_one.keras": ([adam(0.002, 3, beta_1=0.8, variables=2, bytes=state(2, 12), **K3, **MV)], {}),
    "keras3_scaled.keras": ([adam(0.002, 1, variables=2, class_name="Adam")], {}),
    "keras3_schedule.keras": ([{"kind": "sgd", "iterations": 1, "variables": 2, "slots": ["momentum"]}], {}),
    # Saving an .h5 takes the config away: Keras restores nothing of the state that the .keras then has.
    "keras3_after_h5.keras": ([adam(0.002, 1, variables=2)], {"orphan_slots": ["r0"]}),
    "keras3_beside.keras": ([
        {"kind": "rmsprop", "learning_rate": 0.75, "variables": 4, "owner": None, "iterations": 0},
        adam(0.25, 0, variables=4), adam(0.125, 0, variables=0),
        {"kind": "adagrad", "learning_rate": 0.0625, "variables": 4, "slots": ["accumulator"]},
        {"kind": "adagrad", "learning_rate": 0.03125, "variables": 4},
        sgd(0.5, 0, "inner", variables=2)], ...),
    "tf_keras_beside.keras": ([
        {"kind": "rmsprop", "learning_rate": 0.75, "variables": 4, "owner": None, "iterations": 0},
        unknown(0, bytes=8 + 2 * 4 * (9 + 3 + 6 + 2)), unknown(0, bytes=8),
        # In a list the class is the group's name.
        {"kind": "adagrad", "class_name": "Adagrad", "variables": 4}, {"kind": "adagrad", "variables": 4},
        unknown(0, ...)], ...),
    "tf_keras_compiled_twice.keras": ([adam(0.002, 2)], {}),
    "tf_keras_none.keras": ([], {}),
    "tf_keras_same_adams.keras": ([adam(0.01, 3, variables=4), adam(0.01, 2, "base", variables=2)], {"duplicate": BOTH, "merged": BOTH}),
    "tf_keras_two_adams.keras": ([adam(0.002, 3), adam(0.01, 2, "base")], {"hyperparameters": BOTH, "merged": BOTH}),
    "tf_keras_two_kinds.keras": ([adam(0.002, 3), sgd(0.01, 2, "base", momentum=0.9, slots=["m"])], {"merged": BOTH}),
    # Neither class nor settings of it stand in the file.
    "tf_keras_attribute.keras": ([adam(0.002, 2, variables=2), unknown(0, bytes=state(2, 8))], {}),
    "tf_keras_custom.keras": ([adam(0.003, 1, custom=True, class_name="MyAdam", variables=2)], {}),
    "tf_keras_registered.keras": ([sgd(0.003, 1, custom=True, class_name="MySGD", registered_name="pets>MySGD")], {}),
    "tf_keras_named_adam.keras": ([adam(0.003, 1, custom=True, registered_name="Custom>Adam")], {"override": ["r0"]}),
    "tf_keras_ssd_shared.keras": ([sgd(0.1, 1, variables=12)], {}),
    "tf_keras_ssd_one_sgd.keras": ([sgd(0.1, 1, variables=12, momentum=0.5, slots=["m"])], {}),
    "tf_keras_ssd_own.keras": ([sgd(0.3, 1, variables=12), sgd(0.1, 0, "left", variables=0), sgd(0.2, 0, "right")],
                               {"hyperparameters": THREE, "merged": THREE}),
    "tf_keras_schedule.keras": ([{"kind": "sgd", "iterations": 1, "variables": 2, "slots": ["m"]}], {}),
    # Weights alone: names tell the class in Keras 3, nothing does in tf_keras.
    "keras3_two_adams.weights.h5": ([adam(0.002, 3, variables=4), adam(0.01, 2, "base", variables=2)],
                                    {"hyperparameters": BOTH, "merged": BOTH}),
    "keras3_attribute.weights.h5": ([adam(0.01, 0, variables=2), adam(0.002, 2, variables=2)], {"hyperparameters": BOTH}),
    "keras3_ssd_one_sgd.weights.h5": ([sgd(0.1, 1, "left", variables=12)], {}),
    "keras3_none.weights.h5": ([], {}),
    "tf_keras_two_adams.weights.h5": ([unknown(3), unknown(2, "layers/sequential")], {"merged": BOTH}),
}


def matches(registration, expected):
    for key, value in expected.items():
        there = registration["owns"] if key in registration["owns"] else registration if key in registration else registration["hyperparameters"]
        assert there[key] if value is ... else there[key] == value, (key, value, registration)


@pytest.mark.parametrize("name", KNOWN)
def test_known(files, name):
    registrations, conflicts = KNOWN[name]
    found = analyzed(files / name)
    assert [r["kind"] for r in found["registrations"]] == [r["kind"] for r in registrations], found
    for r, expected in zip(found["registrations"], registrations):
        matches(r, expected)
        assert r["found_in"] and all(p["file"] and p["path"] for p in r["found_in"])
    if conflicts is not ...:
        assert {c["kind"]: c["registrations"] for c in found["conflicts"]} == conflicts
    # What the file does not tell is said, and nothing else.
    assert len(found["warnings"]) == sum(r["kind"] == "unknown" for r in registrations), found["warnings"]


KEPT = {"Adam": 3, "AdamW": 2, "Adamax": 2, "Nadam": 2, "Adadelta": 2, "Ftrl": 2, "Adagrad": 1, "Lion": 1, "RMSprop": 3, "SGD": 2}


@pytest.mark.parametrize("form", [".keras", ".h5"])
@pytest.mark.parametrize("k", ["keras3", "tf_keras"])
def test_every_class(files, k, form):
    """Two variables and the slots of each class, whether its state has names or numbers only."""
    slots = {}
    for path in sorted(files.glob(f"{k}_class_*{form}")):
        name = path.name[len(k) + 7:-len(form)]
        found = analyzed(path)
        r, = found["registrations"]
        assert r["class_name"] == name and r["kind"] == name.lower() and r["iterations"] == 0
        slots[name] = r["owns"]["slots"]
        if name != "Adafactor":  # its slots have shapes of their own
            assert r["owns"]["variables"] == 2 and len(slots[name]) == KEPT[name], (name, r)
            assert not found["warnings"], found["warnings"]
    assert len(slots) == (10 if (k, form) == ("keras3", ".h5") else 11)
    named = analyzed(files / f"{k}_class_RMSprop.h5")["registrations"][0]["owns"]["slots"]
    assert sorted(slots["RMSprop"]) == sorted(named) == ["average_gradient", "momentum", "velocity"]
    for name in "Adam", "Adamax", "SGD":
        assert sorted(slots[name]) == sorted(analyzed(files / f"{k}_class_{name}.h5")["registrations"][0]["owns"]["slots"])


def test_legacy_classes(files):
    for path in files.glob("legacy_class_*.h5"):
        r, = analyzed(path)["registrations"]
        assert r["generation"] == "tf_keras_legacy" and f"legacy_class_{r['class_name']}.h5" == path.name
        assert r["iterations"] == 1 and r["owns"]["variables"] == (0 if r["class_name"] == "SGD" else 2)


def test_places(files):
    def places(name):
        return {p["file"]: p["path"] for p in analyzed(files / name)["registrations"][-1]["found_in"]}
    assert places("keras3_attribute.keras") == {"model.weights.h5": "aux_optimizer/vars"}
    assert places("keras3_two_adams.keras") == {"config.json": "/config/layers/1/compile_config/optimizer",
                                                "model.weights.h5": "layers/sequential/optimizer/vars"}
    one = analyzed(files / "tf_keras_one.h5")["registrations"][0]["found_in"]
    assert [(p["file"], p["path"]) for p in one] == [("tf_keras_one.h5", "@training_config/optimizer_config"),
                                                     ("tf_keras_one.h5", "optimizer_weights")]


def test_told_by_content(files, tmp_path):
    for name in "keras3_one.h5", "keras3_one.keras":
        (tmp_path / "model").write_bytes((files / name).read_bytes())
        assert len(analyzed(tmp_path / "model")["registrations"]) == 1


def test_inspect_and_convert(files, tmp_path):
    outcome = binary.run("inspect", "--json", files / "tf_keras_two_adams.h5")
    document = json.loads(outcome.stdout)
    assert document["input"]["format"] == "h5" and document["input"]["producer"].startswith("keras 2.")
    assert len(document["optimizers"]["registrations"]) == 1
    for name in "keras3_one.h5", "tf_keras_one.keras", "keras3_one.weights.h5":
        outcome = binary.run("convert", files / name, "-o", tmp_path / "m.tflite")
        assert outcome.status == 4 and "SavedModel" in outcome.stderr and name in outcome.stderr, outcome.text()
        assert not (tmp_path / "m.tflite").exists()


# ---- bad input

def rewritten(source, target, **replaced):
    """A .keras file with entries replaced: config=…, weights=…"""
    names = {"config": "config.json", "weights": "model.weights.h5", "metadata": "metadata.json"}
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.namelist():
            new.writestr(entry, {names[k]: v for k, v in replaced.items()}.get(entry, old.read(entry)))
    return target


def test_deflated(files, tmp_path):
    path = rewritten(files / "keras3_two_adams.keras", tmp_path / "m.keras")
    assert path.stat().st_size < (files / "keras3_two_adams.keras").stat().st_size
    assert analyzed(path) == analyzed(files / "keras3_two_adams.keras")


def test_unreadable_weights_hide_nothing(files, tmp_path):
    """Each damage is a warning that names the place; the configs' optimizers are all there."""
    source = files / "keras3_two_adams.keras"
    with zipfile.ZipFile(source) as archive:
        weights = archive.read("model.weights.h5")
    for damaged in b"", b"nothing", weights[:3000], weights[:8] + b"\x09" + weights[9:]:
        found = analyzed(rewritten(source, tmp_path / "m.keras", weights=damaged))
        assert [r["hyperparameters"]["learning_rate"] for r in found["registrations"]] == [0.002, 0.01]
        assert len(found["warnings"]) == 1 and found["warnings"][0].startswith("model.weights.h5: "), found["warnings"]
    for config in '{"compile_config": ', "[" * 10_000, "{" * 10_000, '{"a": ' * 10_000 + '"optimizer"':
        found = analyzed(rewritten(source, tmp_path / "m.keras", config=config + ' "optimizer"'))
        assert [r["iterations"] for r in found["registrations"]] == [3, 2] and not found["conflicts"][2:]
        assert [r["owner"] for r in found["registrations"]] == [None, "base"]
        assert "config.json" in found["warnings"][0], found["warnings"]


def test_one_unreadable_group(files, tmp_path):
    """A link that is not followed, inside the state of one optimizer of two."""
    inner = tmp_path / "inner.h5"
    with zipfile.ZipFile(files / "keras3_two_adams.keras") as archive:
        inner.write_bytes(archive.read("model.weights.h5"))
    with h5py.File(inner, "a") as f:
        del f["optimizer/vars/0"], f["optimizer/vars/3"]
        f["optimizer/vars/0"] = h5py.ExternalLink("/etc/passwd", "/")  # makes a group of the newer form of it
        f["optimizer/vars/3"] = h5py.SoftLink("/layers")
    found = analyzed(rewritten(files / "keras3_two_adams.keras", tmp_path / "m.keras", weights=inner.read_bytes()))
    assert [r["iterations"] for r in found["registrations"]] == [None, 2]
    assert sum("optimizer/vars/" in w and "soft and external links" in w for w in found["warnings"]) == 2


def attributes(path, **texts):
    with h5py.File(path, "w") as f:
        f.attrs["keras_version"] = "2.21.0"
        for name, text in texts.items():
            f.attrs[name] = text
    return path


def test_bad_configs_in_h5(tmp_path):
    for text in '{"optimizer_config": ', "[" * 10_000, '{"optimizer_config": ' * 10_000, '{"optimizer_config": "\\ud800"':
        found = analyzed(attributes(tmp_path / "m.h5", training_config=text + ' "optimizer"'))
        assert found["registrations"] == [] and "m.h5: " in found["warnings"][0]
    for text in '{"optimizer_config": 3}', '{"optimizer_config": {"config": [], "class_name": 1}}', "[]", "3":
        analyzed(attributes(tmp_path / "m.h5", training_config=text))


def test_broken_h5(files, tmp_path):
    whole = (files / "tf_keras_one.h5").read_bytes()
    for size in 9, 500, len(whole) // 2, len(whole) - 1:
        (tmp_path / "m.h5").write_bytes(whole[:size])
        for verb in "optimizers", "inspect":
            outcome = binary.run(verb, tmp_path / "m.h5")
            assert outcome.status == 3 and "m.h5" in outcome.stderr and "ends" in outcome.stderr, outcome.text()


def test_circles_and_absurd_sizes(files, tmp_path):
    """By the command line: the rest is listed, in bounded memory."""
    path = tmp_path / "m.h5"
    path.write_bytes((files / "keras3_two_adams.weights.h5").read_bytes())
    with h5py.File(path, "a") as f:
        f["optimizer/vars/up"] = f["optimizer"]
        f.create_dataset("layers/huge/vars/0", (1 << 40,), dtype="f4")
        f.create_dataset("layers/bomb/vars/0", (1 << 38,), dtype="f4", chunks=(1 << 20,), compression="gzip")[7] = 1
    found = analyzed(path)
    assert [r["iterations"] for r in found["registrations"]] == [3, 2]
    for place, says in (("optimizer/vars/up", "circle"), ("layers/huge/vars/0", "too many bytes"), ("layers/bomb/vars/0", "too many bytes")):
        assert any(place in w and says in w for w in found["warnings"]), found["warnings"]


def test_other_hdf5(tmp_path):
    with h5py.File(tmp_path / "m.h5", "w") as f:
        f["table"] = np.arange(5)
    for verb in "optimizers", "inspect", "convert":
        outcome = binary.run(verb, tmp_path / "m.h5", *(["-o", tmp_path / "o.tflite"] if verb == "convert" else []))
        assert outcome.status == 3 and "Keras" in outcome.stderr, outcome.text()


def test_bomb_in_the_zip(files, tmp_path):
    """Weights that inflate without end: unread, said so, and the configs are there."""
    path = rewritten(files / "keras3_two_adams.keras", tmp_path / "m.keras", weights=b"\x89HDF\r\n\x1a\n" + bytes(200 << 20))
    assert path.stat().st_size < 1 << 20
    outcome = binary.run("optimizers", path)
    assert outcome.status == 3 and "model.weights.h5" in outcome.stderr and "too many" in outcome.stderr, outcome.text()


@pytest.mark.parametrize("name", ["/etc/config.json", "../config.json", "a/../../config.json", "C:/config.json"])
def test_paths_that_leave(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr(name, "{}")
    outcome = binary.run("optimizers", tmp_path / "m.keras")
    assert outcome.status == 3 and "m.keras" in outcome.stderr and name in outcome.stderr, outcome.text()


def test_two_entries_of_one_name(tmp_path):
    with pytest.warns(UserWarning), zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("config.json", '{"compile_config": {"optimizer": "adam"}}')
    outcome = binary.run("optimizers", tmp_path / "m.keras")
    assert outcome.status == 3 and "config.json" in outcome.stderr and "twice" in outcome.stderr, outcome.text()
