"""The notebooks are those of their sources, and hold nothing that a reader did not write or compute."""

import ast
import json

import pytest
from notebooks import EXERCISES, FOLDER, SOURCES, build, name_of

SOURCE = """\
---
kernelspec: {display_name: Python 3, language: python, name: python3}
---

# Title

```{code-cell} ipython3
:answer: half

def half(x):
    ### BEGIN SOLUTION
    return x / 2
    ### END SOLUTION
```

```{code-cell} ipython3
:check: half
:points: 2

assert half(4) == 2
```

+++ {"answer": "why", "points": 3}

### BEGIN SOLUTION
Because.
### END SOLUTION
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder of one source, in which build.py works."""
    monkeypatch.setattr(build, "HERE", tmp_path)
    (tmp_path / "halves_exercises.md").write_text(SOURCE, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("source", SOURCES, ids=name_of)
def test_a_notebook_is_that_of_its_source(source):
    """`make notebooks` builds them."""
    built = source.with_suffix(".ipynb").read_text(encoding="utf-8")
    assert built == build.built(source)


def test_every_notebook_has_a_source():
    assert {path.with_suffix(".md") for path in FOLDER.rglob("*.ipynb")} == set(SOURCES)


@pytest.mark.parametrize("source", SOURCES, ids=name_of)
def test_a_notebook_has_no_outputs(source):
    book = json.loads(source.with_suffix(".ipynb").read_text(encoding="utf-8"))
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
            code = "".join(cell["source"])
            ast.parse(code)  # Python as it is: no magic that only a notebook understands
            assert max(map(len, code.split("\n"))) <= 120


def test_the_handout_has_stubs_and_the_metadata_of_nbgrader(folder):
    build.main([])
    half, check, why = json.loads((folder / "halves_exercises.ipynb").read_text(encoding="utf-8"))["cells"][1:]
    assert "".join(half["source"]) == "def half(x):\n    # your turn\n    raise NotImplementedError"
    assert "".join(why["source"]) == "*Your answer:*"
    marks = [cell["metadata"]["nbgrader"] for cell in (half, check, why)]
    assert [mark["grade_id"] for mark in marks] == ["half", "check-half", "why"]
    assert [mark["solution"] for mark in marks] == [True, False, True]
    assert [mark["grade"] for mark in marks] == [False, True, True]
    assert [mark.get("points") for mark in marks] == [None, 2, 3]


def test_check_names_what_differs_and_writes_nothing(folder, capsys):
    with pytest.raises(SystemExit, match="1"):
        build.main(["--check"])
    assert "halves_exercises.ipynb is not built from halves_exercises.md" in capsys.readouterr().out
    assert len(list(folder.iterdir())) == 1
    build.main([])
    build.main(["--check"])
    (folder / "halves_exercises.md").write_text(SOURCE.replace("Title", "Other"), encoding="utf-8")
    with pytest.raises(SystemExit, match="1"):
        build.main(["--check"])


def test_solutions_are_written_elsewhere(folder):
    build.main(["--solutions", str(folder / "teacher")])
    text = (folder / "teacher" / "halves_exercises.ipynb").read_text(encoding="utf-8")
    assert "return x / 2" in text
    assert build.BEGIN in text
    assert not (folder / "halves_exercises.ipynb").exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    ### END SOLUTION\n```", "```", "expected BEGIN SOLUTION and then END SOLUTION"),
        (":answer: half\n", ":tags: [x]\n", "a cell with the option answer"),
        (":check: half", ":check: other", "no cell with the option check: half"),
        ('"answer": "why"', '"answer": "half"', "two cells have the name 'half'"),
    ],
)
def test_a_source_that_would_hand_out_its_answers_is_refused(folder, old, new, said):
    assert old in SOURCE
    (folder / "halves_exercises.md").write_text(SOURCE.replace(old, new), encoding="utf-8")
    with pytest.raises(SystemExit, match=said):
        build.main([])
    assert not (folder / "halves_exercises.ipynb").exists()


@pytest.mark.parametrize("source", EXERCISES, ids=name_of)
def test_stripping_does_what_nbgrader_does(source):
    preprocessors = pytest.importorskip("nbgrader.preprocessors", reason="nbgrader is not installed")
    language = build.language(source)
    clear = preprocessors.ClearSolutions(
        code_stub={"python": f"{build.TURN[language]}\nraise NotImplementedError"}, text_stub=build.WRITE[language]
    )
    theirs, _ = clear.preprocess(build.read(source), {})
    assert [cell.source for cell in theirs.cells] == [
        cell.source for cell in build.without_solutions(build.read(source), language).cells
    ]
