"""Registrations, kinds, settings and conflicts of models whose making is known; conversion under every policy."""
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import time
import zipfile

import pytest

from harness import binary

POLICIES = ["strip", "keep-first", "keep-last", "unify", "namespace", "error"]


def made(prefix, maker, *parts):
    """The folder that the script `maker` makes: once for each version of it and of the scripts that it imports."""
    scripts = [pathlib.Path(__file__).with_name(name) for name in (maker, *parts)]
    digest = hashlib.sha256(b"".join(script.read_bytes() for script in scripts)).hexdigest()[:16]
    folder = binary.CACHE / "training" / (prefix + digest)
    if not folder.is_dir():
        # Two workers may make it at once: the first one to finish gives it its name.
        making = folder.with_name(f"{folder.name}.{os.getpid()}")
        done = subprocess.run([sys.executable, scripts[0], making], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-4000:]
        try:
            making.rename(folder)
        except OSError:
            assert folder.is_dir()
    return folder


@pytest.fixture(scope="session")
def models():
    return made("", "make_models.py", "make_tf1.py", "networks.py", "trainers.py")


def analyzed(path, *flags):
    outcome = binary.run("optimizers", path, "--json", *flags)
    assert outcome.status == 0, outcome.text()
    return json.loads(outcome.stdout)


def adam(rate, steps=None, owner=None, **more):
    return {"kind": "adam", "learning_rate": rate, "iterations": steps, "owner": owner, **more}


def sgd(rate, steps=None, owner=None, **more):
    return {"kind": "sgd", "learning_rate": rate, "iterations": steps, "owner": owner, **more}


def momentum(**more):
    return {"kind": "momentum", "learning_rate": 0.1, "momentum": 0.9, "variables": 2, "class_name": "MomentumOptimizer", **more}


BASE, HEAD = "layer_with_weights-0", "layer_with_weights-1"
BOTH = ["r0", "r1"]
LEFT, RIGHT = "left", "right"

# Source → (what each registration must say, {conflict: registrations}).
KNOWN = {
    "tf_keras_one": ([adam(0.002, 3, beta_1=0.8, generation="tf_keras", custom=False, slots=["m", "v"], variables=2,
                           bytes=2 * (6 + 2) * 4 + 12, class_name="Adam", registered_name="Custom>Adam")], {}),
    "tf_keras_none": ([], {}),
    "tf_keras_compiled_twice": ([adam(0.002, 2)], {}),
    "tf_keras_same_adams": ([adam(0.01, 3, variables=4), adam(0.01, 2, BASE, variables=2)],
                            {"duplicate": BOTH, "merged": BOTH}),
    "tf_keras_two_adams": ([adam(0.002, 3, variables=4), adam(0.01, 2, BASE, variables=2)],
                           {"hyperparameters": BOTH, "merged": BOTH}),
    "tf_keras_two_kinds": ([adam(0.002, 3), sgd(0.01, 2, BASE, momentum=0.9, slots=["m"])], {"merged": BOTH}),
    "tf_keras_attribute": ([adam(0.002, 2), adam(0.01, 0, variables=2)], {"hyperparameters": BOTH}),
    "tf_keras_custom": ([adam(0.003, 1, custom=True, class_name="MyAdam", registered_name=None)], {}),
    "tf_keras_registered": ([sgd(0.003, 1, custom=True, class_name="MySGD", registered_name="pets>MySGD")], {}),
    # What tf_keras writes of a class registered as Adam is what it writes of its own: no false alarm.
    "tf_keras_named_adam": ([adam(0.003, 1, registered_name="Custom>Adam")], {}),
    "tf_keras_ssd_shared": ([sgd(0.1, 1, variables=12)], {}),
    "tf_keras_ssd_own": ([sgd(0.3, 1, variables=12), sgd(0.1, 0, BASE), sgd(0.2, 0, HEAD)],
                         {"hyperparameters": ["r0", "r1", "r2"], "merged": ["r0", "r1", "r2"]}),
    "tf_keras_one_ckpt": ([adam(0.002, 3, variables=2, slots=["m", "v"])], {}),
    "tf_keras_two_adams_ckpt": ([adam(0.002, 3), adam(0.01, 2, BASE)], {"hyperparameters": BOTH, "merged": BOTH}),
    "tf_keras_attribute_ckpt": ([adam(0.002, 2), adam(0.01, 0)], {"hyperparameters": BOTH}),
    "tf_keras_one.keras": ([adam(0.002, 3, beta_1=0.8, generation="tf_keras", custom=False, variables=2,
                                 bytes=8 + 2 * (6 + 2) * 4, slots=["m", "v"])], {}),
    "tf_keras_two_adams.keras": ([adam(0.002, 3), adam(0.01, 2, "base")], {"hyperparameters": BOTH, "merged": BOTH}),
    "legacy_one": ([adam(0.002, 3, bytes=88, generation="tf_keras_legacy", slots=["m", "v"], variables=2, beta_1=0.9)], {}),
    "legacy_one_ckpt": ([adam(0.002, 3, bytes=88, generation="tf_keras_legacy", slots=["m", "v"], variables=2)], {}),
    "legacy_two_kinds": ([adam(0.002, 3, variables=4), sgd(0.01, 2, BASE, momentum=0.9, slots=["momentum"])],
                         {"merged": BOTH}),
    # The kind of an SGD that was never built stands nowhere.
    "recipe": ([adam(0.02, 2, variables=2), {"kind": "unknown", "learning_rate": 0.01, "owner": "model", "iterations": 0,
                                             "generation": "tf_keras"}], {"merged": BOTH}),
    "legacy_traced": ([adam(0.02, 1, generation="tf_keras_legacy", class_name="Adam"),
                       sgd(0.1, 1, momentum=0.9, generation="tf_keras_legacy", class_name="SGD")], {"kinds": BOTH}),
    "raw_traced": ([{"kind": "sgd", "class_name": "GradientDescentOptimizer", "generation": "tf1"}], {}),
    "keras3_one": ([adam(0.002, 3, generation="keras3", variables=2, slots=["momentum", "velocity"], bytes=76)], {}),
    "keras3_none": ([], {}),
    "keras3_exported": ([], {}),
    "keras3_two_adams": ([adam(0.002, 3, variables=4), adam(0.01, 2, variables=2, owner=...)],
                         {"hyperparameters": BOTH, "merged": BOTH}),
    "keras3_attribute": ([adam(0.002, 2), adam(0.01, 0)], {"hyperparameters": BOTH}),
    "keras3_custom": ([adam(0.003, 1, class_name=None)], {}),
    "keras3_ssd_shared": ([sgd(0.1, 1, variables=12)], {}),
    "keras3_ssd_own": ([sgd(0.3, 1), sgd(0.1, 0, ...), sgd(0.2, 0, ...)],
                       {"hyperparameters": ["r0", "r1", "r2"], "merged": ["r0", "r1", "r2"]}),
    "keras3_one.keras": ([adam(0.002, 3, beta_1=0.8, generation="keras3", custom=False, variables=2,
                               bytes=76, slots=["momentum", "velocity"])], {}),
    "keras3_none.keras": ([], {}),
    "keras3_compiled_twice.keras": ([adam(0.002, 2)], {}),
    # No config tells of an optimizer kept as an attribute; its state does.
    "keras3_attribute.keras": ([adam(0.002, 2, beta_1=0.9), adam(0.01, 0, variables=2)], {"hyperparameters": BOTH}),
    "keras3_same_adams.keras": ([adam(0.01, 3, variables=4), adam(0.01, 2, "base", variables=2)], {"duplicate": BOTH, "merged": BOTH}),
    "keras3_two_adams.keras": ([adam(0.002, 3), adam(0.01, 2, "base")], {"hyperparameters": BOTH, "merged": BOTH}),
    "keras3_two_kinds.keras": ([adam(0.002, 3), sgd(0.01, 2, "base", momentum=0.9, slots=["momentum"])], {"merged": BOTH}),
    "keras3_custom.keras": ([adam(0.003, 1, custom=True, class_name="MyAdam")], {}),
    "keras3_registered.keras": ([sgd(0.003, 1, custom=True, class_name="MySGD", registered_name="pets>MySGD")], {}),
    "keras3_named_adam.keras": ([adam(0.003, 1, custom=True, class_name="Adam", registered_name="Custom>Adam")],
                                {"override": ["r0"]}),
    "keras3_ssd_shared.keras": ([sgd(0.1, 1, momentum=0.5, variables=12)], {}),
    "keras3_ssd_own.keras": ([sgd(0.3, 1, variables=12), sgd(0.1, 0, LEFT, variables=0), sgd(0.2, 0, RIGHT)],
                             {"hyperparameters": ["r0", "r1", "r2"], "merged": ["r0", "r1", "r2"]}),
}
TF1 = {
    "one": ([adam(0.01, beta_1=0.8, variables=2, slots=["m", "v"], bytes=2 * 8 * 4 + 8, class_name="AdamOptimizer")], {}),
    "two_minimize": ([adam(0.01, variables=2), adam(0.002, variables=2)], {"hyperparameters": BOTH, "slot_collision": BOTH}),
    "beside": ([adam(0.01, variables=2), momentum(variables=1)], {"kinds": BOTH}),
    "scoped": ([adam(0.01, owner="A_1", variables=2), adam(0.01, owner="B_1", variables=2)],
               {"duplicate": BOTH, "merged": BOTH}),
    "imported_twice": ([adam(0.01, variables=2), adam(0.01, variables=2)],
                       {"duplicate": BOTH, "merged": BOTH, "slot_collision": BOTH}),
    "unscoped": ([momentum(), adam(0.01, variables=2)], {"merged": BOTH, "slot_collision": BOTH}),
}
KNOWN |= {
    # One object that three models were compiled with: configs number it, and its state is there once.
    "tf_keras_ssd_one_sgd": ([sgd(0.1, 1, variables=12, momentum=0.5)], {}),
    "keras3_ssd_one_sgd": ([sgd(0.1, 1, variables=12)], {}),
    "keras3_ssd_one_sgd.keras": ([sgd(0.1, 1, variables=12, momentum=0.5, slots=["momentum"])], {}),
    # A loss scaler around an optimizer is no optimizer of its own.
    "keras3_scaled": ([adam(0.002, 1, slots=["momentum", "velocity"], variables=2)], {}),
    "keras3_scaled.keras": ([adam(0.002, 1, variables=2, class_name="Adam", custom=False)], {}),
    "tf_keras_scaled": ([adam(0.002, 1, slots=["m", "v"], variables=2, custom=False)], {}),
    "tf_keras_scaled.keras": ([adam(0.002, 1, variables=2, class_name="Adam", custom=False)], {}),
    # Settings of two generations do not compare.
    "two_generations": ([sgd(0.1, 1, generation="tf_keras_legacy"), sgd(0.1, 0, generation="tf_keras")],
                        {"generation": BOTH}),
    # Without a graph the keys are all that is known; with one, state that nothing reads is an orphan.
    "tf1_keys_ckpt": ([{"kind": "adam", "variables": 2, "bytes": 64, "slots": ["m", "v"]}] * 2,
                      {"duplicate": BOTH, "slot_collision": BOTH}),
    "tf1_orphan_ckpt": ([{"kind": "adam", "variables": 2, "bytes": 64, "slots": ["m", "v"]}],
                        {"orphan_slots": ["r0"]}),
}
TF1 |= {
    # minimize() twice of one optimizer object; dense and sparse gradients.
    "resource": ([momentum(slots=["momentum"], bytes=4 * (5 * 2 + 2 * 2))], {}),
    "shared_rate": ([{"kind": "adagrad", "variables": 1}] * 2, {"duplicate": BOTH, "merged": BOTH}),
    "all_kinds": ([{"kind": kind, "learning_rate": 0.01, "variables": 2} for kind in (
        "adadelta", "adagrad", "adam", "ftrl", "sgd", "momentum", "rmsprop", "rmsprop", "proximal_adagrad",
        "proximal_sgd")], {"hyperparameters": ["r6", "r7"], "slot_collision": ["r6", "r7"],
                           "kinds": [f"r{i}" for i in range(10)]}),
}
for _name, _expected in TF1.items():
    KNOWN[f"tf1_{_name}.pb"] = _expected
    if _name != "imported_twice":  # its variables are in no collection: no Saver takes them
        KNOWN[f"tf1_{_name}_ckpt"] = _expected
KNOWN["tf1_one_frozen.pb"] = TF1["one"]


@pytest.mark.parametrize("name, functions", [
    ("legacy_traced", {"r0": ("train", "ResourceApplyAdam"), "r1": ("tune", "ResourceApplyKerasMomentum")}),
    ("raw_traced", {"r0": ("train", "ResourceApplyGradientDescent")})])
def test_ops_in_functions_are_places(models, name, functions):
    for r in analyzed(models / name)["registrations"]:
        places = [p["path"] for p in r["found_in"] if p["path"].startswith("function ")]
        function, op = functions[r["id"]]
        assert len(places) == 1 and f"__inference_{function}_" in places[0] and places[0].endswith(op)


def test_an_optimizer_that_only_a_function_has_is_not_taken_out(models, tmp_path):
    outcome = binary.run("optimizers", models / "raw_traced", "--fix", "--policy", "strip", "-o", tmp_path / "out")
    assert outcome.status == 4 and "traced functions are not edited" in outcome.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", KNOWN)
def test_known(models, name):
    registrations, conflicts = KNOWN[name]
    found = analyzed(models / name)
    assert [r["kind"] for r in found["registrations"]] == [r["kind"] for r in registrations]
    for number, (r, expected) in enumerate(zip(found["registrations"], registrations)):
        assert r["id"] == f"r{number}"
        assert r["found_in"] and all(p["file"] and p["path"] for p in r["found_in"])
        if name.startswith("tf1"):
            assert r["generation"] == "tf1"
        for key, value in expected.items():
            there = r["owns"] if key in r["owns"] else r if key in r else r["hyperparameters"]
            if value is ...:
                assert there[key], (key, r)
            else:
                assert there[key] == value, (key, r)
    assert {c["kind"]: c["registrations"] for c in found["conflicts"]} == conflicts
    assert all(c["explanation"] and c["suggestion"] for c in found["conflicts"])
    assert [a["action"] for a in found["resolution"]["actions"]] == ["strip"] * len(registrations)


def test_every_class(models):
    """Kinds by the names that Keras 3 gives its variables, and by the children of tf_keras's objects."""
    kinds = ["adadelta", "adafactor", "adagrad", "adam", "adamw", "adamax", "ftrl", "lion", "nadam", "rmsprop", "sgd"]
    found = analyzed(models / "keras3_many")["registrations"]
    assert [r["kind"] for r in found] == kinds
    assert [r["class_name"].lower() for r in found] == kinds
    # AdamW keeps what Adam keeps, Lion what SGD with momentum does; the class is not told.
    found = analyzed(models / "tf_keras_many")["registrations"]
    alike = {"adamw": "adam", "lion": "sgd"}
    assert [r["kind"] for r in found] == [alike.get(kind, kind) for kind in kinds]
    assert {r["class_name"] for r in found} == {None}
    assert {r["owns"]["variables"] for r in found} == {1}


def test_schedule(models):
    for name in "keras3", "tf_keras":
        rate = analyzed(models / f"{name}_schedule.keras")["registrations"][0]["hyperparameters"]["learning_rate"]
        assert rate["class_name"] == "ExponentialDecay" and rate["config"]["initial_learning_rate"] == 0.1


def test_one_optimizer_in_many_places(models):
    places = {p["file"] for p in analyzed(models / "tf_keras_one")["registrations"][0]["found_in"]}
    assert places == {"saved_model.pb", "keras_metadata.pb#0", "variables/variables.data-00000-of-00001"}


def test_policies(models):
    def actions(policy, name="tf_keras_two_adams"):
        resolution = analyzed(models / name, "--policy", policy)["resolution"]
        assert resolution["policy"] == policy
        return [(a["action"], a["registration"]) for a in resolution["actions"]]

    assert actions("strip") == [("strip", "r0"), ("strip", "r1")]
    assert actions("keep-first") == [("keep", "r0"), ("strip", "r1")]
    assert actions("keep-last") == [("strip", "r0"), ("keep", "r1")]
    assert actions("unify") == [("keep", "r0"), ("unify", "r1")]
    assert actions("namespace") == [("keep", "r0"), ("keep", "r1")]
    assert actions("error", "tf_keras_one") == [("none", "r0")]
    outcome = binary.run("optimizers", models / "tf_keras_two_adams", "--policy", "error")
    assert outcome.status == 5 and "r0, r1" in outcome.stderr, outcome.text()
    outcome = binary.run("optimizers", models / "tf_keras_two_kinds", "--policy", "unify")
    assert outcome.status == 4 and "Adam" in outcome.stderr and "SGD" in outcome.stderr, outcome.text()
    assert binary.run("optimizers", models / "tf_keras_one", "--policy", "all").status == 2


def test_keras_files_are_not_converted_yet(models, tmp_path):
    outcome = binary.run("convert", models / "keras3_one.keras", "-o", tmp_path / "m.tflite")
    assert outcome.status == 4 and "SavedModel" in outcome.stderr, outcome.text()
    assert not (tmp_path / "m.tflite").exists()


def test_inspect_has_them(models):
    for name in "keras3_two_adams.keras", "tf_keras_two_adams":
        outcome = binary.run("inspect", "--json", models / name)
        assert len(json.loads(outcome.stdout)["optimizers"]["registrations"]) == 2, outcome.text()


@pytest.mark.parametrize("kind", ["duplicate", "hyperparameters", "override", "merged", "slot_collision",
                                  "orphan_slots", "generation", "kinds"])
def test_explain(kind):
    outcome = binary.run("optimizers", "--explain", kind)
    page = pathlib.Path(binary.ROOT / "docs/conflicts" / f"{kind}.md").read_text()
    assert outcome.status == 0 and outcome.stdout == page
    assert binary.run("optimizers", "--explain", "nothing").status == 2


def keras_file(path, **entries):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in entries.items():
            archive.writestr(name.replace("_json", ".json"), text)
    return path


def test_one_unreadable_config_is_a_warning(tmp_path):
    for text in '{"compile_config": {"optimizer": ', '[' * 10000, '{"optimizer_config": "\\ud800"':
        found = analyzed(keras_file(tmp_path / "m.keras", config_json=text + ' "optimizer"'))
        assert found["registrations"] == [] and "config.json" in found["warnings"][0]


@pytest.mark.parametrize("text", ['{"compile_config": {"optimizer": 3}}', '{"compile_config": {"optimizer": []}}',
                                  '{"compile_config": {"optimizer": {"config": 5, "class_name": 7, "module": 1}}}',
                                  '{"compile_config": [], "config": {"optimizer": {}}}'])
def test_odd_configs(tmp_path, text):
    analyzed(keras_file(tmp_path / "m.keras", config_json=text))


def test_zip_bomb(tmp_path):
    """40 MB of JSON in 40 kB: refused or left unread, never inflated."""
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", '{"compile_config": {"optimizer": [' + "[]," * 13_000_000 + "[]]}}")
    outcome = binary.run("optimizers", path)
    assert outcome.status in (0, 3) and "config.json" in outcome.stdout + outcome.stderr, outcome.text()


def test_truncated(models, tmp_path):
    whole = (models / "keras3_one.keras").read_bytes()
    for size in 10, len(whole) // 2, len(whole) - 1:
        (tmp_path / "m.keras").write_bytes(whole[:size])
        outcome = binary.run("optimizers", tmp_path / "m.keras")
        assert outcome.status == 3 and "m.keras" in outcome.stderr, outcome.text()


def test_other_zip(tmp_path):
    outcome = binary.run("optimizers", keras_file(tmp_path / "m.keras", other_json="{}"))
    assert outcome.status == 3 and "config.json" in outcome.stderr, outcome.text()


def test_linear(tmp_path):
    """100,000 objects and 100 optimizers: what is measured is the whole process, reading included."""
    from tensorflow.core.protobuf import saved_model_pb2
    model = saved_model_pb2.SavedModel(saved_model_schema_version=1)
    meta = model.meta_graphs.add()
    meta.meta_info_def.tags.append("serve")
    nodes = meta.object_graph_def.nodes
    nodes.add().user_object.identifier = "_tf_keras_network"

    def child(parent, name, number):
        nodes[parent].children.add(local_name=name, node_id=number)

    for part in range(100):
        layer = len(nodes)
        nodes.add().user_object.identifier = "_tf_keras_network"
        child(0, f"layer_with_weights-{part}", layer)
        optimizer = len(nodes)
        nodes.add().user_object.identifier = "experimentalOptimizer"
        child(layer, "optimizer", optimizer)
        slots = len(nodes)
        nodes.add().user_object.identifier = "trackable_list_wrapper"
        child(optimizer, "_momentums", slots)
        for number in range(498):
            for holder, name in ((layer, f"p{part}/v{number}"), (slots, f"SGD/m/p{part}/v{number}")):
                variable = len(nodes)
                nodes.add().variable.name = name
                child(holder, str(number), variable)
    assert len(nodes) > 99_000
    (tmp_path / "saved_model.pb").write_bytes(model.SerializeToString())
    start = time.monotonic()
    found = analyzed(tmp_path)
    assert time.monotonic() - start < 5, "far above a second, on a busy machine too"
    assert len(found["registrations"]) == 100
    assert {r["owns"]["variables"] for r in found["registrations"]} == {498}
    assert {c["kind"] for c in found["conflicts"]} == {"duplicate", "merged"}
