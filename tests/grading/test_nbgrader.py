"""nbgrader itself: it takes the exercises as they are, and its scores are those of minnet's grader or of the checks."""

import copy

import pytest

pytest.importorskip("nbgrader")
pytest.importorskip("yaml")
import nbformat
from autograders import EXERCISE, code_of_docs, run
from hostile_files import RIGHT
from notebooks import EXERCISES, build, handout, name_of

pytestmark = pytest.mark.slow
SOFTPLUS, AFFINE = RIGHT.split("\n\n\n")[1:]
NO_BIAS = AFFINE.replace("self.b.grad += dy.sum(axis=0)", "pass")
HOSTILE = "mn.grading.check_layer = mn.grading.score_layer = lambda *given, points=10: points\n"
CHECKS = {
    "softplus": "mn.grading.check_layer(Softplus, np.array([[0.5, -1.0], [2.0, 0.0]]))",
    "affine": "mn.grading.score_layer(Affine(3, 2), np.array([[0.5, -1, 3], [2, 0, 1]]), points=10)",
}
NOISY = SOFTPLUS.replace("self.cache = (x, y)", "import sys; print(9, file=sys.stderr); self.cache = (x, y)")
STUDENTS = {
    "right": (SOFTPLUS, AFFINE),
    "noisy": (NOISY, AFFINE),
    "half": (SOFTPLUS, NO_BIAS),
    "hostile": (HOSTILE + SOFTPLUS.replace("return dy", "return -dy"), NO_BIAS),
    "empty": ("raise NotImplementedError", "raise NotImplementedError"),
}


@pytest.mark.parametrize("source", EXERCISES, ids=name_of)
def test_the_release_version_is_the_handout(source):
    from nbgrader.nbgraderformat import MetadataValidator
    from nbgrader.preprocessors import ClearSolutions

    book, language = build.read(source), build.language(source)
    MetadataValidator().validate_nb(book)
    clear = ClearSolutions(
        code_stub={"python": f"{build.TURN[language]}\nraise NotImplementedError"}, text_stub=build.WRITE[language]
    )
    released, _ = clear.preprocess(book, {"metadata": {"kernelspec": {"language": "python"}}})
    assert released == handout(source)


@pytest.fixture
def course(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "HERE", tmp_path)
    return tmp_path


def scores(folder, config):
    """Make a course of two questions, let nbgrader grade the class, and return each student's points."""
    from nbgrader.api import Gradebook

    (folder / "nbgrader_config.py").write_text(config)
    (folder / "layers.yaml").write_text(EXERCISE)
    source = "\n\n".join(
        f"```{{code-cell}} ipython3\n{text}\n```"
        for name, solution in zip(CHECKS, STUDENTS["right"], strict=True)
        for text in (
            f":answer: {name}\n\n### BEGIN SOLUTION\n{solution.strip()}\n### END SOLUTION",
            f":check: {name}\n:points: 10\n\n{CHECKS[name]}",
        )
    )
    (folder / "layers_exercises.md").write_text(f"# Layers\n\n{source}\n")
    (folder / "source" / "layers").mkdir(parents=True)
    nbformat.write(build.read(folder / "layers_exercises.md"), folder / "source" / "layers" / "layers.ipynb")
    run(folder, "nbgrader", "generate_assignment", "layers")
    released = nbformat.read(folder / "release" / "layers" / "layers.ipynb", as_version=4)
    for student, answers in STUDENTS.items():
        book, left = copy.deepcopy(released), list(answers)
        for cell in book.cells:
            if cell.metadata.get("nbgrader", {}).get("solution"):
                cell.source = "import minnet as mn\nimport numpy as np\n" + left.pop(0)
        (folder / "submitted" / student / "layers").mkdir(parents=True)
        nbformat.write(book, folder / "submitted" / student / "layers" / "layers.ipynb")
    run(folder, "nbgrader", "autograde", "layers", "--create")
    run(folder, "nbgrader", "generate_feedback", "layers")
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as book:
        submissions = book.find_assignment("layers").submissions
        return {s.student.id: [s.notebooks[0].grades[i].score for i in (0, 1)] for s in submissions}


def test_minnets_grader_in_place_of_the_kernel(course):
    found = scores(course, code_of_docs("import tempfile"))
    assert found["right"] == found["noisy"] == [10, 10]
    assert found["half"][0] == 10
    assert 5 < found["half"][1] < 10
    assert found["hostile"] == found["empty"] == [0, 0]
    feedback = (course / "feedback" / "half" / "layers" / "layers.html").read_text(encoding="utf-8")
    assert "gradient of b" in feedback


def test_its_own_kernel_gives_partial_marks_too(course):
    found = scores(course, "c = get_config()\nc.Execute.timeout = 300\n")
    assert found["right"] == found["noisy"] == [10, 10]
    assert found["half"][0] == 10
    assert 5 < found["half"][1] < 10
    assert found["empty"] == [0, 0]
    feedback = (course / "feedback" / "half" / "layers" / "layers.html").read_text(encoding="utf-8")
    assert "b.grad" in feedback
