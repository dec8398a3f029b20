"""pumice doctor INPUT: the environment and the model in one report. The models are those of tests/training."""
import json

import pytest

from doctor import recorded, trees
from harness import binary
from training.test_optimizers import models  # noqa: F401 (a fixture)


@pytest.fixture(scope="module")
def environments(tmp_path_factory):
    made = {}
    for name in ("tf-2.15", "tf-2.13-overlaid"):
        made[name] = tmp_path_factory.mktemp(name)
        recorded.make(name, trees.make(made[name]), trees.install)
    return made


def examine(env, source, *flags):
    return binary.run("doctor", source, "--python-env", env, *flags)


# Source -> (registrations, kinds of conflict).
SOURCES = {
    "tf_keras_one": (1, []),
    "tf_keras_none": (0, []),
    "tf_keras_two_adams": (2, ["hyperparameters", "merged"]),
    "keras3_two_adams.keras": (2, ["hyperparameters", "merged"]),
    "keras3_one.keras": (1, []),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("env", ["tf-2.15", "tf-2.13-overlaid"])
def test_both_are_reported(env, source, environments, models):  # noqa: F811
    registrations, conflicts = SOURCES[source]
    outcome = examine(environments[env], models / source, "--json")
    assert outcome.status == (5 if conflicts or env == "tf-2.13-overlaid" else 0), outcome.text()
    report = json.loads(outcome.stdout)
    assert report["environment"]["verdict"] == ("healthy" if env == "tf-2.15" else "raises")
    assert len(report["optimizers"]["registrations"]) == registrations
    assert sorted(c["kind"] for c in report["optimizers"]["conflicts"]) == conflicts
    # The same as each verb says alone.
    alone = binary.run("optimizers", models / source, "--json")
    assert report["optimizers"] == json.loads(alone.stdout)


def test_as_text(environments, models):  # noqa: F811
    source = models / "tf_keras_two_adams"
    text = examine(environments["tf-2.13-overlaid"], source).stdout
    assert text.index("This environment raises") < text.index(f"Model {source}") < text.index("0.002")
    assert binary.run("optimizers", source).stdout in text


def test_tags_that_are_not_there(environments, models):  # noqa: F811
    outcome = examine(environments["tf-2.15"], models / "tf_keras_one", "--tags", "no_such_tag")
    assert outcome.status == 2 and "no_such_tag" in outcome.stderr and not outcome.stdout


@pytest.mark.parametrize("kind", ["missing", "empty folder", "text"])
def test_an_input_that_is_no_model(kind, environments, tmp_path):
    source = tmp_path / "model.keras"
    if kind == "empty folder":
        source.mkdir()
    elif kind == "text":
        source.write_text("hello")
    for flags in ((), ("--json",)):
        outcome = examine(environments["tf-2.15"], source, *flags)
        assert outcome.status == 3, outcome.text()
        # Half an answer would pass for the whole.
        assert not outcome.stdout and outcome.stderr.startswith("pumice: ") and "model.keras" in outcome.stderr


def test_the_environment_comes_first(tmp_path, models):  # noqa: F811
    outcome = examine(tmp_path / "none", models / "tf_keras_one")
    assert outcome.status == 3 and "none" in outcome.stderr and not outcome.stdout
