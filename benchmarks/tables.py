"""The cells and lines of the tables that are made of stored results, for the page of figures and for the READMEs."""

import statistics
from collections.abc import Iterable, Iterator
from typing import Any

from rounds import Times, quartiles, rounded

Results = dict[str, Any]
Row = list[str]

OPTIONS = ("minnet, compiled", "minnet, 2 threads", "minnet, compiled, 2 threads")  # of a Trainer


def quiet(results: Results) -> Results:
    """Return the variants that were measured without a busy core."""
    return {name: variant for name, variant in results.items() if not name.endswith("busy")}


def works(variant: Results) -> list[tuple[str, Times, Results]]:
    """Return name, times and section of each work that was measured: first those in which PyTorch is ahead the most."""
    found = []
    for name, section in variant["sections"].items():
        races = list(section["races"].values())
        if len(races) == 1 and name not in ("prediction", "growth"):
            found.append((name, Times.from_json(races[0]), section))
    return sorted(found, key=lambda work: -middle(work[1], "minnet", "PyTorch"))


def middle(times: Times, name: str, reference: str) -> float:
    """Return the median of the ratios; 0 if one did not take part."""
    if name not in times.seconds or reference not in times.seconds:
        return 0.0
    return statistics.median(times.ratios(name, reference))


def micros(times: Times, name: str | None) -> str:
    """Return a contender's median in µs; a dash if it did not take part."""
    if name not in times.seconds:
        return "–"
    value = rounded(1e6 * quartiles(times.seconds[name])[1], 3)
    return f"{value:,.0f}" if value >= 100 else f"{value:g}"


def ratio(times: Times, name: str | None, reference: str | None, spread: bool = False) -> str:
    """Return the median of the ratios, with quartiles if wished; a dash if one did not take part."""
    if name not in times.seconds or reference not in times.seconds:
        return "–"
    low, median, high = quartiles(times.ratios(name, reference))
    return f"{median:.2f}" + (f" ({low:.2f} … {high:.2f})" if spread else "")


def markdown(head: Row, rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of a table."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def sentence(text: str) -> str:
    """Begin with a capital letter."""
    return text[:1].upper() + text[1:]


def title_of(section: Results) -> str:
    """Return the title of a work without its data."""
    return section["title"].partition(";")[0]
