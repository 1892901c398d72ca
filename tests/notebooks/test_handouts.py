"""No hand-out holds an answer; its checks fail until it is filled in, and pass with the solutions put back."""

import re

import pytest
from notebooks import (
    EXERCISES,
    build,
    checks,
    code_cells,
    errors,
    execute,
    grade_id,
    handout,
    mnist_or_skip,
    name_of,
    solutions,
    squeezed,
    telling_lines,
    text,
)

nbformat = pytest.importorskip("nbformat", reason="the extra notebooks is not installed")
pytestmark = pytest.mark.parametrize("source", EXERCISES, ids=name_of)


def answers(source, book):
    """Return the lines of the solutions that a notebook has."""
    everything = squeezed(book)
    return [line for _, solution in solutions(source) for line in telling_lines(solution) if line in everything]


def test_no_handout_has_an_answer(source):
    book = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    assert not answers(source, book)
    assert build.BEGIN not in nbformat.writes(book)


def test_the_search_would_find_an_answer(source):
    """In code, in a text, in an output, and in the metadata."""
    found = {line for _, solution in solutions(source) for line in telling_lines(solution)}
    assert found
    assert set(answers(source, build.read(source))) == found
    _, solution = next(iter(solutions(source)))
    for hide in (
        lambda book: book.cells[0].update(source=f"So:\n```python\n{solution}\n```"),
        lambda book: checks(book)[0].outputs.append(nbformat.v4.new_output("stream", text=solution)),
        lambda book: book.metadata.update(solution=solution),
    ):
        book = handout(source)
        hide(book)
        assert answers(source, book)


def test_each_answer_is_checked_and_has_a_hint(source):
    book = handout(source)
    names = [grade_id(cell) for cell in book.cells]
    to_fill_in = [cell for cell in book.cells if cell.metadata.get("nbgrader", {}).get("solution")]
    assert to_fill_in
    before = {grade_id(cell): book.cells[i - 1].source for i, cell in enumerate(book.cells) if cell in to_fill_in}
    for cell in to_fill_in:
        if cell.cell_type == "code":
            assert build.TURN[build.language(source)] in cell.source
            assert names.index(f"check-{grade_id(cell)}") > names.index(grade_id(cell))
            assert "<details>" in before[grade_id(cell)], grade_id(cell)


@pytest.mark.slow
def test_every_check_fails_until_the_handout_is_filled_in(source, tmp_path):
    book = execute(handout(source), tmp_path, allow_errors=True)
    for cell in checks(book):
        assert [error.ename for error in errors(cell)] == ["NotAnswered"], cell.source
        shown = "\n".join(errors(cell)[0].traceback)
        assert len(shown.splitlines()) <= 3, shown


@pytest.mark.slow
@pytest.mark.parametrize("digits", ["synthetic", "real"])
def test_every_check_passes_with_the_solutions(source, digits, tmp_path):
    book = execute(build.read(source), tmp_path, mnist=mnist_or_skip() if digits == "real" else None)
    for cell in checks(book):
        assert "✓" in text(cell), cell.source
    if source.stem == "softmax_regression_exercises":
        said = "\n".join(text(cell) for cell in code_cells(book))
        figures = ["7.86626995", "-9.99616538e-01", "0.00261634", "(10,) (784,) (784, 10)"]
        assert [figure for figure in figures if figure not in said] == []
        cells = {line: text(cell).strip() for cell in code_cells(book) for line in cell.source.splitlines()}
        assert re.findall(r"\d", cells["print(Pr)"].splitlines()[-1]) == ["4", "5"]  # predicted, true
        assert cells["step(x, y, W, b, 0.1)"][-1] == "5"
