"""Clean sources: `pumice optimizers --fix` under every policy, loaded and trained on by the real frameworks."""
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys

import pytest

from harness import binary
from training.test_keras_files import files  # noqa: F401
from training.test_optimizers import KNOWN, POLICIES, analyzed, models  # noqa: F401

# The SavedModels, and what no single optimizer can be made of. Of those that train in functions alone, test_optimizers tests the refusal.
SAVED = [name for name in KNOWN if "." not in name and not name.endswith("_ckpt") and not name.endswith("_traced")]
SAVED += ["plain_train", "keras3_parts", "keras3_parts_and_whole", "tf_keras_parts", "tf_keras_parts_and_whole", "keras3_held",
          "keras3_many", "tf_keras_many"]
# The files: of each case one, in each format. Of weights alone, and of most classes, no model can be made here.
FILES = [f"{keras}_{case}.{ending}" for keras in ("keras3", "tf_keras") for ending in ("keras", "h5", "weights.h5") for case in (
    "one", "none", "compiled_twice", "same_adams", "two_adams", "two_kinds", "attribute", "custom", "registered", "named_adam",
    "ssd_shared", "ssd_one_sgd", "ssd_own")]
FILES += [f"{keras}_{case}" for keras in ("keras3", "tf_keras") for case in (
    "scaled.keras", "scaled.h5", "schedule.keras", "schedule.h5", "beside.keras", "beside.weights.h5", "parts.keras",
    "parts_and_whole.keras", "class_Ftrl.h5")]
FILES += ["keras3_after_h5.keras", "legacy_one.h5", "legacy_two_kinds.h5", "legacy_two_kinds.keras"]
TWO_KINDS = {"legacy_two_kinds", "tf_keras_two_kinds", "recipe", "two_generations", "keras3_many", "tf_keras_many", "plain_train"}
# The recipe's train function was traced with one of its optimizers.
TRACED = {(name, policy) for name in ("recipe", "plain_train") for policy in ("strip", "keep-last")}


def fix(source, target, policy, *flags):
    return binary.run("optimizers", source, "--fix", "--policy", policy, "-o", target, *flags)


def status(models, name, policy):
    if policy == "error":
        return 5 if analyzed(models / name)["conflicts"] else 0
    return 4 if (name, policy) in TRACED or (policy == "unify" and cannot_unify(models, name)) else 0


def cannot_unify(models, name):
    if name.split(".")[0] in TWO_KINDS and "." not in name:
        return True
    if "." not in name:
        return False
    found = analyzed(models / name)["registrations"]
    kinds = {r["kind"] for r in found}
    # Files number the slots: parts without a whole cannot be brought together.
    return len(found) > 1 and (len(kinds) > 1 or "unknown" in kinds or "_parts." in name)


def content(path):
    """Of a file or a folder, as a digest."""
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            digest.update(str(file.relative_to(path)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def left(path):
    return [r["id"] for r in analyzed(path)["registrations"]]


def clean_all(models, names, folder):
    """Every source under every policy. Equal results are kept once; returns how many there were."""
    seen, count = set(), 0
    for name in names:
        before = content(models / name)
        said = analyzed(models / name)
        # State without an optimizer goes under every policy.
        found = len(said["registrations"]) - sum(len(c["registrations"]) for c in said["conflicts"] if c["kind"] == "orphan_slots")
        for policy in POLICIES:
            target = folder / f"{name}@{policy}"
            outcome = fix(models / name, target, policy)
            assert outcome.status == status(models, name, policy), (name, policy, outcome.text())
            assert target.exists() == (outcome.status == 0)
            if outcome.status:
                continue
            count += 1
            kept = {"strip": 0, "namespace": found, "error": found}.get(policy, min(found, 1))
            assert len(left(target)) == kept, (name, policy)
            digest = content(target)
            if (name, digest) in seen:
                shutil.rmtree(target) if target.is_dir() else target.unlink()
            seen.add((name, digest))
        assert content(models / name) == before, "the source is never touched"
    assert not list(folder.glob("*.partial-*"))
    return count


def loaded(models, folder):
    """What the frameworks say of each, in one process."""
    out = folder.with_suffix(".json")
    loader = pathlib.Path(__file__).with_name("load_clean.py")
    done = subprocess.run([sys.executable, loader, models, folder, out], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(out.read_text())


def test_saved_models(models, tmp_path):
    """Clean SavedModels in tf.saved_model.load, TensorFlow 1's loader, tf_keras and Keras 3's TFSMLayer."""
    folder = tmp_path / "clean"
    folder.mkdir()
    assert clean_all(models, SAVED, folder) > 100
    results = loaded(models, folder)
    assert set(results) == {path.name for path in folder.iterdir()}
    faults = {(name, kind): fault for name, kinds in results.items() for kind, fault in kinds.items() if fault}
    assert not faults, "\n\n".join(f"{at}: {fault}" for at, fault in faults.items())
    for kind, least in {"checkpoint": 70, "core": 70, "session": 70, "layer": 30, "tf_keras": 40, "resumed": 25}.items():
        assert sum(kind in kinds for kinds in results.values()) >= least, kind


def test_keras_files(models, files, tmp_path):  # noqa: F811
    """Clean .keras and .h5 files in the Keras that made them: predictions, weights, state, one more step."""
    folder, sources = tmp_path / "clean", tmp_path / "sources"
    folder.mkdir()
    sources.mkdir()
    for name in FILES:
        (sources / name).symlink_to(models / name if "_parts" in name else files / name)
    assert clean_all(sources, FILES, folder) > 400
    results = loaded(sources, folder)
    faults = {(name, kind): fault for name, kinds in results.items() for kind, fault in kinds.items() if fault}
    assert not faults, "\n\n".join(f"{at}: {fault}" for at, fault in faults.items())
    for kind, least in {"tree": 180, "keras": 120}.items():
        assert sum(kind in kinds for kinds in results.values()) >= least, kind


def test_an_existing_file_is_replaced_by_a_whole_one(models, files, tmp_path):  # noqa: F811
    target = tmp_path / "model.keras"
    target.write_text("mine")
    (tmp_path / "bad.keras").write_bytes((models / "keras3_two_adams.keras").read_bytes()[:-30])
    assert fix(tmp_path / "bad.keras", target, "strip").status == 3 and target.read_text() == "mine"
    assert fix(models / "keras3_two_adams.keras", target, "strip").status == 0 and left(target) == []
    # In place: the source is mapped until the new file takes its name.
    shutil.copy(files / "keras3_two_adams.h5", tmp_path / "model.h5")
    assert fix(tmp_path / "model.h5", tmp_path / "model.h5", "strip").status == 0 and left(tmp_path / "model.h5") == []
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.keras", "model.h5", "model.keras"]


def test_traced_functions_are_not_edited(models, tmp_path):
    for policy in "strip", "keep-last":
        outcome = fix(models / "recipe", tmp_path / "out", policy)
        assert outcome.status == 4 and "'train'" in outcome.stderr and "traced" in outcome.stderr, outcome.text()
        assert "iteration" in outcome.stderr and not list(tmp_path.iterdir())


def test_suggestions_name_the_command(models, files):  # noqa: F811
    """Where --fix can rewrite the source, each conflict's suggestion names the call, and that call works or says why not."""
    for source in models / "tf_keras_two_adams", models / "keras3_attribute", files / "keras3_two_kinds.keras", files / "keras3_after_h5.keras":
        for conflict in analyzed(source)["conflicts"]:
            assert "pumice optimizers INPUT --fix --policy" in conflict["suggestion"], conflict
            page = binary.run("optimizers", "--explain", conflict["kind"]).stdout
            policy = conflict["suggestion"].split("--policy ")[1].split()[0]
            assert f"--fix --policy {policy}" in page
    for source in "tf1_two_minimize.pb", "tf1_two_minimize_ckpt", "tf_keras_two_adams_ckpt":
        assert all("--fix" not in c["suggestion"] for c in analyzed(models / source)["conflicts"])


def test_what_the_files_do_not_tell(models):
    """An optimizer that was never built keeps nothing to know it by; some classes keep the same slots."""
    by_id = {r["id"]: r for r in analyzed(models / "recipe")["registrations"]}
    assert "AdamW" in by_id["r0"]["unsure"] and "never built" in by_id["r1"]["unsure"]
    assert by_id["r1"]["kind"] == "unknown"
    assert "not known" in binary.run("optimizers", models / "recipe").stdout
    assert all(r["unsure"] is None for r in analyzed(models / "tf_keras_two_kinds")["registrations"])


def test_unify_names_both(models, tmp_path):
    outcome = fix(models / "tf_keras_two_kinds", tmp_path / "out", "unify")
    assert outcome.status == 4 and "Adam" in outcome.stderr and "SGD" in outcome.stderr, outcome.text()


def test_unify_says_what_it_chose(models, tmp_path):
    outcome = fix(models / "tf_keras_two_adams", tmp_path / "out", "unify", "--json")
    details = [a["detail"] for a in json.loads(outcome.stdout)["resolution"]["actions"]]
    assert any("learning_rate 0.002 instead of 0.01" in d for d in details), details
    outcome = fix(models / "tf_keras_parts", tmp_path / "parts", "unify", "--json")
    details = [a["detail"] for a in json.loads(outcome.stdout)["resolution"]["actions"]]
    assert any("takes the slots of 6 variables over" in d for d in details), details


@pytest.mark.parametrize("name", ["tf1_one.pb", "tf1_one_ckpt", "tf1_one_frozen.pb"])
def test_tensorflow1_is_not_rewritten(models, tmp_path, name):
    outcome = fix(models / name, tmp_path / "out", "strip")
    assert outcome.status == 4 and "TensorFlow" in outcome.stderr, outcome.text()
    assert not list(tmp_path.iterdir())


def test_existing_output(models, tmp_path):
    """A folder with anything in it is left as it is; an empty one is taken."""
    taken = tmp_path / "taken"
    taken.mkdir()
    assert fix(models / "tf_keras_one", taken, "strip").status == 0
    before = content(taken)
    outcome = fix(models / "tf_keras_two_adams", taken, "strip")
    assert outcome.status == 7 and "exists" in outcome.stderr and content(taken) == before, outcome.text()
    file = tmp_path / "file"
    file.write_text("mine")
    assert fix(models / "tf_keras_one", file, "strip").status == 7 and file.read_text() == "mine"
    assert fix(models / "tf_keras_one", tmp_path / "no" / "folder", "strip").status == 7
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "taken"]


def test_output_in_the_input(models, tmp_path):
    source = tmp_path / "model"
    shutil.copytree(models / "tf_keras_one", source)
    before = content(source)
    for target in source / "clean", source, source / "variables" / ".." / "clean":
        outcome = fix(source, target, "strip")
        assert outcome.status == 7 and "in it" in outcome.stderr, outcome.text()
    assert content(source) == before


def test_other_files_come_along(models, tmp_path):
    source = tmp_path / "model"
    shutil.copytree(models / "tf_keras_two_adams", source)
    (source / "assets.extra").mkdir()
    (source / "assets.extra" / "labels.txt").write_text("cat\n")
    assert fix(source, tmp_path / "clean", "strip").status == 0
    assert (tmp_path / "clean/assets.extra/labels.txt").read_text() == "cat\n"
    # The fingerprint is that of the source; TensorFlow loads a model without one.
    assert not (tmp_path / "clean/fingerprint.pb").exists()


def test_usage(models, tmp_path):
    assert binary.run("optimizers", models / "tf_keras_one", "--fix").status == 2
    assert binary.run("optimizers", models / "tf_keras_one", "-o", tmp_path / "out").status == 2
    assert binary.run("optimizers", "--fix", "-o", tmp_path / "out").status == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["saved_model.pb", "variables/variables.index", "keras_metadata.pb",
                                  "variables/variables.data-00000-of-00001"])
def test_damaged_sources(models, tmp_path, name):
    """Cut anywhere: a clear error or a model that is whole, and nothing half written."""
    source, target = tmp_path / "model", tmp_path / "clean"
    shutil.copytree(models / "tf_keras_two_adams", source)
    whole = (source / name).read_bytes()
    for part in range(1, 16):
        (source / name).write_bytes(whole[:len(whole) * part // 16])
        outcome = fix(source, target, "strip")
        assert outcome.status in (0, 3, 4) and outcome.status >= 0, outcome.text()
        assert target.exists() == (outcome.status == 0)
        if target.exists():
            assert name == "keras_metadata.pb"
            shutil.rmtree(target)
    assert [p.name for p in tmp_path.iterdir()] == ["model"]
