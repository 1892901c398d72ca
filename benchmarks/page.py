"""The page of figures, docs/performance-figures.md, and the README's table, written from stored results."""

import statistics
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import environment
import growth
from rounds import Times, best, kind, quartiles, rounded

Results = dict[str, Any]
Row = list[str]

VARIANTS = {  # name in the file of results → heading
    "free": "with NumPy as it is installed",
    "pinned": "with OpenBLAS set to its code for Haswell, as on processors without AVX-512",
}
PLAIN = ("NumPy, plain", "NumPy, textbook", "NumPy, notebook")  # the first that a work has
OPTIONS = ("minnet, compiled", "minnet, 2 threads", "minnet, compiled, 2 threads")  # of a Trainer
IDIOMS = ("PyTorch, DataLoader", "PyTorch, channels last")
HEAD = """# Speed, memory, size: the figures

Written by `benchmarks/compare.py --page` from `benchmarks/results.json`, which `benchmarks/compare.py` measures; its
`--check` trains all contenders alike and compares their predictions. A step is: gather a batch, forward, loss,
backward, update. All contenders of a work run in one process and take turns. A ratio is that of two times of the same
round; what is printed is the median of the ratios. Times are medians, in µs a step.

- *minnet* is `Trainer.fit` over a shuffled `DataLoader`, with its progress bar and its history, on scores with
  `SoftmaxCrossEntropyLoss`; *composed* has `Softmax` and `CrossEntropyLoss` instead. A turn is one call of `fit`,
  with what it does before the first step.
- *with an option* is the fastest of `Trainer(compiled=True)` and `Trainer(compiled=True, threads=2)` for dense
  networks, and `Trainer(threads=2)` for convolutions and transformers. What is compiled before the first step is not
  in the times.
- *PyTorch* is its usual eager loop, with batches gathered by an index; *other idiom*: its `DataLoader`, or for images
  the memory order "channels last".
- *JAX* is a compiled step that is given batches; *scan* is a compiled epoch that also gathers them.
- *plain* and *best* are NumPy loops written by hand, the obvious one and the fastest that we found.
"""


def write(results: Results, docs: Path) -> None:
    """Write the page."""
    page = docs / "performance-figures.md"
    page.write_text("\n".join(_page(results)) + "\n", encoding="utf-8")
    print(f"wrote {page}")


def readme(results: Results) -> str:
    """Return the README's table: a row a work, times as ratios to PyTorch's."""
    rows = []
    for name, times, section in works(results["free"]):
        fastest = best(times)
        cells = [ratio(times, other, "PyTorch") for other in ("minnet", "JAX", fastest)]
        rows.append([f"{name}: {_title(section)}", micros(times, "minnet"), *cells])
        option = _option(times)
        cell = "–" if option is None else f"{ratio(times, option, 'PyTorch')} ({option.removeprefix('minnet, ')})"
        rows[-1].insert(3, cell)
    head = ["training step", "minnet, µs", "÷ PyTorch", "with an option", "JAX ÷ PyTorch", "NumPy by hand ÷ PyTorch"]
    return "\n".join(markdown(head, rows))


def works(variant: Results) -> Iterator[tuple[str, Times, Results]]:
    """Yield name, times and section of each work that was measured."""
    for name, section in variant["sections"].items():
        races = list(section["races"].values())
        if len(races) == 1 and name not in ("prediction", "growth"):
            yield name, Times.from_json(races[0]), section


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
    low, middle, high = quartiles(times.ratios(name, reference))
    return f"{middle:.2f}" + (f" ({low:.2f} … {high:.2f})" if spread else "")


def markdown(head: Row, rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of a table."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def sentence(text: str) -> str:
    """Begin with a capital letter."""
    return text[:1].upper() + text[1:]


def _page(results: Results) -> Iterator[str]:
    yield HEAD
    yield "## Where\n"
    for name, variant in results.items():
        loads = [value for section in variant["sections"].values() for value in section["load"] if value is not None]
        yield f"- {sentence(VARIANTS[name])}: " + "; ".join(environment.in_words(variant["environment"]))
        yield f"  Load average, which includes the measurement itself: {min(loads)} … {max(loads)}."
    yield "\n## Training\n"
    for name, variant in results.items():
        yield f"Microseconds a step (ratio to PyTorch), {VARIANTS[name]}:\n"
        yield from _training(variant)
        yield ""
    yield from _bars(results)
    for name, title in (("prediction", "One prediction"), ("notebook", "The notebook's job"), ("start-up", "Start-up"),
                        ("memory", "Memory"), ("workers", "Threads and processes"), ("growth", "Growth")):  # fmt: skip
        section = results["free"]["sections"].get(name)
        if section:
            yield f"\n## {title}\n"
            yield from OTHERS[name](section)
    yield "\n## All contenders\n"
    for _, times, section in works(results["free"]):
        yield f"\n{_title(section)}; {section['title'].rpartition('; ')[2]}:\n"
        yield from _everyone(times)
        yield from (f"\n{sentence(remark)}." for remark in section["remarks"])


def _title(section: Results) -> str:
    return section["title"].partition(";")[0]


def _option(times: Times) -> str | None:
    """Return minnet with the options that make it fastest, if that was measured."""
    measured = [name for name in OPTIONS if name in times.seconds]
    reference = "PyTorch" if "PyTorch" in times.seconds else "minnet"
    return min(measured, key=lambda name: statistics.median(times.ratios(name, reference)), default=None)


def _training(variant: Results) -> Iterator[str]:
    """Yield the table of all works."""
    rows = []
    for name, times, section in works(variant):
        plain = next((loop for loop in PLAIN if loop in times.seconds), None)
        idiom = next((other for other in IDIOMS if other in times.seconds), None)
        contenders = [
            "minnet",
            _option(times),
            "PyTorch",
            idiom,
            "JAX",
            "JAX, scan",
            "scikit-learn",
            plain,
            best(times),
        ]
        cells = [micros(times, other) for other in contenders]
        for i, other in enumerate(contenders):
            if other in times.seconds and other != "PyTorch":
                cells[i] += f" ({ratio(times, other, 'PyTorch')})"
        rows.append([f"{name}: {_title(section)}", *cells])
    head = ["work", "minnet", "with an option", "PyTorch", "other idiom", "JAX", "scan", "scikit-learn", "NumPy, plain",
            "NumPy, best"]  # fmt: skip
    yield from markdown(head, rows)


def _bars(results: Results) -> Iterator[str]:
    """Yield the table of minnet's ratios to NumPy and PyTorch: bytes to bytes, two threads to two threads."""
    yield "minnet's times ÷ those of the fastest NumPy, and ÷ PyTorch's: medians (quartiles) of the ratios:\n"
    rows = []
    for variant_name, variant in results.items():
        for name, times, _ in works(variant):
            for contender in times.seconds:
                if contender.startswith("minnet"):
                    row = [f"{name}, {contender}" + (", pinned" if variant_name == "pinned" else "")]
                    fastest = best(times, kind(contender)) or best(times)
                    row += [ratio(times, contender, other, spread=True) for other in (fastest, "PyTorch")]
                    rows.append([*row, fastest or "–"])
    yield from markdown(["work", "minnet ÷ best NumPy", "minnet ÷ PyTorch", "the best NumPy was"], rows)


def _predictions(section: Results) -> Iterator[str]:
    races = {title: Times.from_json(stored) for title, stored in section["races"].items()}
    names = list(dict.fromkeys(name for times in races.values() for name in times.seconds))
    rows = [[title, *(micros(times, name) for name in names)] for title, times in races.items()]
    yield "Microseconds for the probabilities of one image:\n"
    yield from markdown(["model, image", *names], rows)
    yield from (f"\n{sentence(remark)}." for remark in section["remarks"])


def _figures(section: Results) -> Iterator[str]:
    if section["title"]:
        yield f"{sentence(section['title'])}:\n"
    columns = list(dict.fromkeys(column for values in section["figures"].values() for column in values))
    rows = [
        [name, *(f"{values[column]:,.15g}" if column in values else "–" for column in columns)]
        for name, values in section["figures"].items()
    ]
    yield from markdown(["", *columns], rows)
    yield from (f"\n{sentence(remark)}." for remark in section["remarks"])


def _growth(section: Results) -> Iterator[str]:
    """Yield a table for each kind of size: microseconds, how they grow with it, and what one more costs."""
    panels: dict[str, dict[str, Times]] = {}
    for title, stored in section["races"].items():
        panel, _, name = title.partition(": ")
        panels.setdefault(panel, {})[name] = Times.from_json(stored)
    yield (
        "Microseconds a step, or an epoch. Time grows about as a power of the size, 1 for twice the time at twice the\n"
        "size; in the upper half of the sizes, fixed costs weigh less."
    )
    for panel, lines in panels.items():
        yield ""
        sizes = sorted({size for times in lines.values() for size in times.seconds}, key=int)
        rows = [[f"{int(size):,}", *(micros(times, size) for times in lines.values())] for size in sizes]
        slopes = [growth.exponents(times) for times in lines.values()]
        rows.append(["power of the size", *(f"{whole:.2f}" for whole, _ in slopes)])
        rows.append(["of the upper half", *(f"{upper:.2f}" for _, upper in slopes)])
        if panel in growth.COUNTED:
            rows.append(["for each more", *(f"{growth.microseconds_each(times):.3g}" for times in lines.values())])
        yield from markdown([panel, *lines], rows)


OTHERS = {
    "prediction": _predictions,
    "notebook": _figures,
    "start-up": _figures,
    "memory": _figures,
    "workers": _figures,
    "growth": _growth,
}


def _everyone(times: Times) -> Iterator[str]:
    """Yield the table of all contenders of a work."""
    rows = []
    for name, values in times.seconds.items():
        low, _, high = (f"{rounded(1e6 * value, 3):g}" for value in quartiles(values))
        rows.append([name, micros(times, name), f"{low} … {high}", ratio(times, name, "PyTorch", spread=True)])
    yield from markdown(["contender", "µs a step", "quartiles", "÷ PyTorch (quartiles)"], rows)
