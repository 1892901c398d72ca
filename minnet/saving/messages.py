"""Messages about a file quote what is in it: escaped, because it may be hostile, and never at full length."""

from collections.abc import Iterable

LONGEST = 200  # characters of one quotation
MOST_LINES = 24  # of a list
MOST_CHARACTERS = 1200  # of a list
MOST_OF_A_MODEL = 600  # characters of a model's repr


def brief(text: object, longest: int = LONGEST) -> str:
    """Make a text from a file fit for a message: on one line, printable, and at most 200 characters by default.

    Line ends, control characters, escape sequences of terminals, and marks that turn the direction of text become
    question marks.
    """
    return "".join(letter if letter.isprintable() else "?" for letter in str(text)[:longest])


def listed(lines: Iterable[object], characters: int = MOST_CHARACTERS) -> list[str]:
    """Return the first lines of a list, each of them brief, and how many more there are."""
    shown: list[str] = []
    more = 0
    for line in lines:
        text = "" if more else brief(line)
        characters -= len(text)
        if more or characters < 0 or len(shown) == MOST_LINES:
            more += 1
        else:
            shown.append(text)
    return [*shown, f"... and {more:,} more"] if more else shown


def shown_model(structure: str) -> list[str]:
    """Return the first lines of the repr of the model that a file is of."""
    return listed(structure[: 1 << 16].splitlines(), MOST_OF_A_MODEL)
