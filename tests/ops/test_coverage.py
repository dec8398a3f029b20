"""The size of the op suite, and the list of refusals, as a whole. Only `make test` runs all of it."""
import pytest

from harness import refusals, suite

pytestmark = pytest.mark.skipif(not suite.counting(), reason="counts the whole suite: PUMICE_COUNT_CASES=1")


def test_enough_cases_differ(case_tally):
    few = {family: len(found) for family, found in case_tally.items() if len(found) < suite.CASES_PER_FAMILY}
    assert not few, f"families with fewer than {suite.CASES_PER_FAMILY} cases: {few}"
    assert sum(map(len, case_tally.values())) >= suite.CASES_IN_ALL


def test_every_refusal_has_a_case(request):
    cases = list(suite.collected_cases(request.session.items))
    idle = [e for e in refusals.entries() if not any(e.matches(case) for case in cases)]
    assert not idle, f"entries of {refusals.LIST.name} that no case needs: {idle}"
