"""docs/official_converter.md: pumice's column is true, and the page is what the script would write."""
import json

from official import page


def test_the_page_is_true(pumice, runtimes, tmp_path):
    ours = page.run_pumice(runtimes, tmp_path)
    assert {name: text for name, (text, _) in ours.items() if text != "converts"} == {}
    assert page.PAGE.read_text() == page.render(json.loads(page.RESULTS.read_text()), ours), "run scripts/make-official-page"
