"""Fixtures and the closing table of the differential suites."""
import collections
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import binary, suite  # noqa: E402


@pytest.fixture(scope="session")
def pumice():
    """The path of the binary under test."""
    path = binary.pumice()
    if not os.access(path, os.X_OK):
        pytest.exit(f"no pumice at {path}: build it first (make build), or set PUMICE_BINARY", 2)
    return path


@pytest.fixture(scope="session")
def runtimes(request):
    """(Interpreter, CompiledModel): child processes that live as long as the session."""
    from harness import runtimes as made
    if not os.environ.get("PUMICE_REFERENCE_ONLY"):
        request.getfixturevalue("pumice")
    pair = (made.Interpreter(), made.CompiledModel())
    yield pair
    for runtime in pair:
        runtime.close()



def pytest_runtest_logreport(report):
    # Runs in the controller under xdist: the workers' reports carry the identities.
    properties = dict(report.user_properties)
    if report.when != "call" or "identity" not in properties:
        return
    family, *identity = properties["identity"]
    outcome = "refused" if "refused" in properties else report.outcome
    _outcomes[family][outcome].add(tuple(identity))


_outcomes = collections.defaultdict(lambda: collections.defaultdict(set))


def pytest_terminal_summary(terminalreporter):
    if not _outcomes:
        return
    columns = ("passed", "failed", "refused")
    terminalreporter.section("differential cases that differ by op, attribute class, rank or unknown dimensions")
    terminalreporter.write_line(f"{'family':<28}" + "".join(f"{c:>9}" for c in columns))
    total = collections.Counter()
    for family in sorted(_outcomes):
        found = _outcomes[family]
        # An identity has passed when every dtype and value of it has.
        found["passed"] -= found["failed"] | found["refused"]
        total.update({c: len(found[c]) for c in columns})
        terminalreporter.write_line(f"{family:<28}" + "".join(f"{len(found[c]):>9}" for c in columns))
    terminalreporter.write_line(f"{'all':<28}" + "".join(f"{total[c]:>9}" for c in columns))


@pytest.fixture
def case_tally(request):
    """family -> identities, over everything that this session collected."""
    return suite.tally(suite.collected_cases(request.session.items))
