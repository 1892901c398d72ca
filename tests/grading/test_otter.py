"""otter-grader itself: the plugin on docs/grading.md gives the points of minnet's grader."""

import json

import pytest

pytest.importorskip("otter.plugins")
pytest.importorskip("yaml")
import nbformat
from autograders import EXERCISE, code_of_docs, run
from hostile_files import RIGHT

pytestmark = pytest.mark.slow
PATCHED = "import minnet as mn\nmn.grading.check_layer = lambda *given: None\n"
STUDENTS = {
    "half": RIGHT.replace("self.b.grad += dy.sum(axis=0)", "pass"),
    "patched": PATCHED + RIGHT.replace("return dy", "return -dy"),
    "ended": RIGHT + "\nimport os; os._exit(0)",
}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """An autograder as docs/grading.md tells to make it."""
    folder = tmp_path_factory.mktemp("course")
    (folder / "minnet_otter.py").write_text(code_of_docs("import nbformat"))
    (folder / "otter_config.json").write_text(code_of_docs('{"plugins"'))
    (folder / "layers.yaml").write_text(EXERCISE.replace("check-", ""))
    (folder / "tests").mkdir()
    (folder / "tests" / "softplus.py").write_text(code_of_docs("from otter.test_files import test_case"))
    command = ("otter", "generate", "-c", "otter_config.json", "-o", "autograder.zip", "--no-environment")
    run(folder, *command, "layers.yaml", "minnet_otter.py")
    return folder


def grade(course, student, source):
    """Return the points of each question, and all that otter says."""
    (course / student).mkdir()
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    nbformat.write(book, course / student / "layers.ipynb")
    command = ("otter", "run", "-a", "autograder.zip", "-o", student, "--no-logo")
    run(course, *command, f"{student}/layers.ipynb")
    text = (course / student / "results.json").read_text(encoding="utf-8")
    return {test["name"]: test["score"] for test in json.loads(text)["tests"] if "score" in test}, text


@pytest.mark.parametrize(("student", "affine"), [("half", (5, 9.9)), ("patched", (0, 0)), ("ended", (0, 0))])
def test_scores(course, student, affine):
    points, text = grade(course, student, STUDENTS[student])
    assert points["softplus"] == (10 if student == "half" else 0)
    assert affine[0] <= points["affine"] <= affine[1]
    assert {"half": "b.grad[0] is wrong", "patched": "withheld", "ended": "os._exit"}[student] in text


def test_what_students_see(course):
    program = "\n".join([RIGHT, "import otter", "print(otter.Notebook(tests_dir='tests').check('softplus'))"])
    (course / "see.py").write_text(program)
    assert "All test cases passed" in run(course, "see")
    (course / "see.py").write_text(program.replace("return dy * np.exp(x - y)", "return dy"))
    assert "it is dy unchanged" in run(course, "see")
