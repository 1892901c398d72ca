"""The class of a hundred: no verdict is wrong. And every hostile file there is: none passes, and none ends the run."""

import classroom
import pytest
from graded import grade, sandbox
from hostile_files import HOSTILE

from minnet.grading.results import GRADED
from minnet.grading.run import run
from minnet.grading.sandbox.fork_server import NAMESPACES, USER_NAMESPACES

pytest.importorskip("yaml")
pytestmark = pytest.mark.slow
needs_walls = pytest.mark.skipif(
    sandbox().way not in (NAMESPACES, USER_NAMESPACES), reason="hostile files are run only where they can be isolated"
)
UNMARKED = {  # files that try nothing but to look right: their score is all there is to say
    *("equal_to_all", "huge_error", "huge_output", "huge_file", "raises_lookalikes", "patches_numpy"),
}


def test_there_are_a_hundred(tmp_path):
    assert len(classroom.right()) == 30
    assert len(classroom.mistaken()) == 60
    assert len(classroom.hostile(tmp_path)) == 10
    assert len({text for text, _ in classroom.mistaken().values()}) == 60
    assert len({*classroom.right().values()}) == 30


@needs_walls
def test_no_verdict_is_wrong(tmp_path):
    wrong_layer = classroom.write(tmp_path)
    paths = tmp_path / "class", tmp_path / "layers.yaml", tmp_path / "scores.csv"
    results = run(*paths, report_folder=tmp_path / "r")
    assert len(results) == 100
    for result in results:
        full = {answer.question: answer.score == answer.out_of for answer in result.answers}
        if result.student.startswith("right"):
            assert result.passed, (result.student, result.flags, result.notes, full)
            assert result.flags == []
        elif result.student.startswith("wrong"):
            assert result.status == GRADED, (result.student, result.flags)
            assert [name for name, passed in full.items() if not passed] == [wrong_layer[result.student]], (
                result.student
            )
        else:
            assert result.score == 0, result.student
            assert result.status != GRADED, result.student
            assert result.flags, result.student
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("class", "layers.yaml", "r", "scores.csv", "scores.json", "solutions.py"),
    ]


TEXT = classroom.EXERCISE.partition("  - class: Scale")[0].replace("SECONDS", "3")


@needs_walls
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file(tmp_path, name):
    (source,) = classroom.hostile(tmp_path, [name]).values()
    result = grade(tmp_path, source, TEXT)
    assert result.score < result.out_of / 4
    assert not result.passed
    assert name in UNMARKED or result.status != GRADED or result.flags or result.score == 0
