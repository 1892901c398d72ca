"""Answers that students write in place of the solutions of an exercise notebook, and what its checks say of them."""

import warnings

from notebooks import FOLDER, build, code_cells, grade_id


def solved(name):
    """Return the source of each answer and check, by its name; and the names that there are after all cells."""
    sources, names = {}, {}
    for cell in code_cells(build.read(FOLDER / f"{name}.md")):
        if grade_id(cell):
            sources[grade_id(cell)] = cell.source
        exec(compile(cell.source, grade_id(cell) or "cell", "exec"), names)
    return sources, names


def with_answers(source, bodies):
    """Return an answer's cell with these bodies in place of its solutions; None keeps a solution."""
    lines, inside, rest = [], False, list(bodies)
    for line in source.split("\n"):
        if build.BEGIN in line:
            indent, body = line[: -len(line.lstrip())], rest.pop(0)
            inside = body is not None
            lines += [indent + part for part in body.splitlines()] if inside else []
        elif build.END in line:
            inside = False
        elif not inside:
            lines.append(line)
    assert not rest, "there are more bodies than solutions"
    return "\n".join(lines)


def check(notebook, answer, bodies):
    """Run the check of an answer whose solutions are replaced by these bodies; a warning is none of its business."""
    sources, names = notebook
    names = dict(names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(with_answers(sources[answer], bodies), answer, "exec"), names)
        exec(compile(sources[f"check-{answer}"], f"check-{answer}", "exec"), names)
