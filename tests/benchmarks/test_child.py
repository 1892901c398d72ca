"""A child trains with the minnet of a folder; one that cannot do the work is left out."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


def test_a_child_does_the_steps_and_ends(script):
    child, work = script("child"), script("works").WORKS["L"]
    learner = child.Child("here", ROOT, work)
    learner.run(2)
    learner.rest()
    learner.close()
    assert learner.process.returncode == 0


def test_a_minnet_without_an_option_is_left_out_with_a_remark(script, tmp_path):
    (tmp_path / "minnet").mkdir()
    (tmp_path / "minnet" / "__init__.py").write_text("", encoding="utf-8")
    remarks = []
    with script("child").trainings(tmp_path, script("works").WORKS["W2"], remarks.append) as able:
        assert not able
    assert remarks[0] == "before is left out: that minnet cannot do it"


def test_no_folder_no_children(script):
    with script("child").trainings(None, script("works").WORKS["L"], print) as able:
        assert not able
