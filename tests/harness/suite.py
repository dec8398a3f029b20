"""Makes a family's cases into one parametrized pytest function, and counts what differs."""
import collections
import os

import pytest

from harness import refusals

# What CI must hold. A refused case does not count, and neither does a second dtype of the same identity.
CASES_IN_ALL = 1500
CASES_PER_FAMILY = 12


def differential(family, cases):
    """Assign the result to a name that starts with `test_` in the family's file."""
    cases = list(cases)
    seen, ids = collections.Counter(), []
    for case in cases:
        case.family = family
        seen[case.id] += 1
        ids.append(case.id + (f" #{seen[case.id]}" if seen[case.id] > 1 else ""))

    @pytest.mark.parametrize("case", cases, ids=ids)
    def test(case, runtimes, record_property):
        from harness import run_case  # imports TensorFlow: not at collection
        record_property("identity", [family, *case.identity])
        failed = None
        try:
            run_case.run(case, runtimes)
        except run_case.Refused as refused:
            record_property("refused", str(refused))
        except run_case.CaseFailure as failure:
            failed = str(failure)
        if failed:  # outside the handler: one message, without a trace of how it was raised
            pytest.fail(failed, pytrace=False)

    test.__name__ = f"test_{family}"
    return test


def collected_cases(items):
    """The cases among pytest's collected items."""
    for item in items:
        case = getattr(item, "callspec", None) and item.callspec.params.get("case")
        if case is not None and hasattr(case, "family"):
            yield case


def tally(cases):
    """family -> set of identities, refused ones left out."""
    families = collections.defaultdict(set)
    for case in cases:
        families[case.family]  # a family of refusals alone is a family, too
        if not refusals.find(case):
            families[case.family].add(case.identity)
    return families


def counting():
    """`make test` runs the whole suite and sets this; a part of it proves nothing about the whole."""
    return bool(os.environ.get("PUMICE_COUNT_CASES"))
