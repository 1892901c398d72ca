"""Build this folder's notebooks from their sources: ``python docs/notebooks/build.py``, with the extra "notebooks".

A source is text in MyST, ``NAME.md``, and the notebook built from it stands beside it, ``NAME.ipynb``, without outputs.
Sources named ``NAME_exercises.md`` contain the solutions, too; their notebooks are the hand-outs, and do not.

- A code cell with the option ``:answer: loss`` is to be filled in. Its solution stands between the lines
  ``### BEGIN SOLUTION`` and ``### END SOLUTION``. In the hand-out, ``# your turn`` and ``raise NotImplementedError``
  replace it.
- A code cell with ``:check: loss`` and ``:points: 2`` follows, and checks that answer.
- A written answer is a text cell, ``+++ {"answer": "mistakes", "points": 2}``, with the same two markers.

These options become nbgrader's metadata, so each exercise notebook is an assignment of nbgrader, too.
"""

import argparse
import re
import sys
from pathlib import Path
from typing import Any

import jupytext
import nbformat

HERE = Path(__file__).parent
BEGIN, END = "BEGIN SOLUTION", "END SOLUTION"
TURN = {"en": "# your turn", "zh-TW": "# 換你寫"}  # a language → what stands in place of a solution in code
WRITE = {"en": "*Your answer:*", "zh-TW": "*你的回答：*"}  # and in text
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def sources() -> list[Path]:
    """Return all sources: the English ones first."""
    return [*sorted(HERE.glob("*.md")), *(path for folder in TURN for path in sorted(HERE.glob(f"{folder}/*.md")))]


def has_exercises(source: Path) -> bool:
    """Whether this is a source with exercises, whose solutions are not in the notebook that is handed out."""
    return source.stem.endswith("_exercises")


def language(source: Path) -> str:
    """Return the language of a source, by its folder."""
    return source.parent.name if source.parent.name in TURN else "en"


def read(source: Path) -> Any:
    """Return the notebook of a source, with its solutions and with nbgrader's metadata."""
    book = jupytext.reads(source.read_text(encoding="utf-8"), fmt="md:myst")
    book.metadata = nbformat.from_dict(METADATA)
    for number, cell in enumerate(book.cells):
        cell.id = f"cell-{number}"  # jupytext's are random
        mark(cell)
    _check_exercises(source, book)
    nbformat.validate(book)
    return book


def mark(cell: Any) -> None:
    """Replace the options of an answer or a check by nbgrader's metadata."""
    answer, check, points = (cell.metadata.pop(option, None) for option in ("answer", "check", "points"))
    if answer or check:
        cell.metadata["nbgrader"] = {
            "schema_version": 3,
            "grade_id": answer or f"check-{check}",
            "cell_type": cell.cell_type,
            "solution": bool(answer),
            "grade": points is not None,
            "locked": bool(check),
            "task": False,
        }
        if points is not None:
            cell.metadata["nbgrader"]["points"] = points


def _check_exercises(source: Path, book: Any) -> None:
    """Stop with one line, if a solution would not be stripped, or an answer not be checked."""
    names = [cell.metadata.nbgrader.grade_id for cell in book.cells if "nbgrader" in cell.metadata]
    for cell in book.cells:
        about = cell.metadata.get("nbgrader", {"solution": False})
        where = f"{source.relative_to(HERE)}, the cell {cell.source.partition(chr(10))[0]!r}"
        marks = [BEGIN in line for line in cell.source.splitlines() if BEGIN in line or END in line]
        if marks != [True, False] * (len(marks) // 2):
            sys.exit(f"{where}: expected {BEGIN} and then {END}, each on a line of its own")
        if bool(marks) != about["solution"]:
            sys.exit(
                f"{where}: a cell with the option answer has a solution between {BEGIN} and {END}, and no other cell"
            )
        if about["solution"] and not about["grade"] and f"check-{about['grade_id']}" not in names:
            sys.exit(f"{where}: there is no cell with the option check: {about['grade_id']}")
    if twice := [name for name in set(names) if names.count(name) > 1]:
        sys.exit(f"{source.relative_to(HERE)}: two cells have the name {twice[0]!r}")


def without_solutions(book: Any, language: str) -> Any:
    """Return the notebook with the stub in place of each solution, as nbgrader's ClearSolutions leaves it."""
    for cell in book.cells:
        stub = f"{TURN[language]}\nraise NotImplementedError" if cell.cell_type == "code" else WRITE[language]
        lines, inside = [], False
        for line in cell.source.split("\n"):
            if BEGIN in line:
                inside = True
                indent = re.match(r"\s*", line)[0]  # type: ignore[index]
                lines += [indent + part for part in stub.split("\n")]
            elif END in line:
                inside = False
            elif not inside:
                lines.append(line)
        cell.source = "\n".join(lines)
    return book


def built(source: Path, solutions: bool = False) -> str:
    """Return the text of the notebook that is built from a source, with or without the solutions."""
    book = read(source)
    return nbformat.writes(book if solutions else without_solutions(book, language(source))) + "\n"


def main(arguments: list[str] | None = None) -> None:
    """Write the notebooks; or say which are not those of their sources; or write those with the solutions."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if a notebook is not that of its source"
    )
    parser.add_argument(
        "--solutions", type=Path, metavar="FOLDER", help="write the exercises with their solutions there"
    )
    options = parser.parse_args(arguments)
    differ = False
    for source in sources():
        if options.solutions and not has_exercises(source):
            continue
        target = (options.solutions or HERE) / source.relative_to(HERE).with_suffix(".ipynb")
        text = built(source, solutions=bool(options.solutions))
        if target.is_file() and target.read_text(encoding="utf-8") == text:
            continue
        differ = True
        print(target if not options.check else f"{target} is not built from {source.name}: run make notebooks")
        if not options.check:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="\n")
    if options.check and differ:
        sys.exit(1)


if __name__ == "__main__":
    main()
