"""The page docs/scaling.md, of which each program that measures writes its own section."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "scaling.md"


def write(section: str, markdown: str, page: Path = PAGE) -> None:
    """Put a section's text between its two markers, ``<!-- section: begin -->`` and ``<!-- section: end -->``.

    What stood there before is replaced; the rest of the page stays as it is.

    Raises
    ------
    ValueError
        If the page does not have the two markers exactly once, in this order.
    """
    begin, end = (f"<!-- {section}: {edge} -->" for edge in ("begin", "end"))
    text = page.read_text(encoding="utf-8")
    if [text.count(begin), text.count(end)] != [1, 1] or text.index(begin) > text.index(end):
        sections = ", ".join(re.findall(r"<!-- (\S+): begin -->", text)) or "none"
        raise ValueError(
            f"{page} has no place for the section {section!r}: expected one line {begin} and, below it, one line "
            f"{end}; sections of the page: {sections}"
        )
    before, after = text.partition(begin)[0], text.partition(end)[2]
    page.write_text(f"{before}{begin}\n\n{markdown.strip()}\n\n{end}{after}", encoding="utf-8")
    print(f"wrote the section {section} of {page}")


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table in Markdown; the first column is text, the others are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
