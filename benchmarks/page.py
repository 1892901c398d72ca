"""The page of figures, docs/performance-figures.md, written from stored results."""

from collections.abc import Iterator
from pathlib import Path

import environment
import growth
import picture
from limits import PREFIX
from rounds import Times, best, kind, quartiles, rounded
from tables import OPTIONS, Results, markdown, micros, middle, quiet, ratio, sentence, title_of, works

PLAIN = ("NumPy, plain", "NumPy, textbook", "NumPy, notebook")  # the first that a work has
IDIOMS = ("PyTorch, DataLoader", "PyTorch, channels last")
TITLES = {
    "prediction": "One prediction",
    "notebook": "The notebook's job",
    "start-up": "Start-up",
    "memory": "Memory",
    "workers": "Threads and processes",
    "growth": "Growth",
}
PICTURE = "images/rows_a_second.png"
HEAD = """# Speed, memory, size: the figures

Written by `benchmarks/compare.py --page` from `benchmarks/results.json`, which `benchmarks/compare.py` measures; its
`--check` trains all contenders alike and compares their predictions. A step is: gather a batch, forward, loss,
backward, update. All contenders of a work run in turns. A ratio is that of two times of the same round; what is printed
is the median of the ratios. Times are medians, in µs a step.

- *minnet* is `Trainer.fit` over a shuffled `DataLoader`, with its progress bar and its history, on scores with
  `SoftmaxCrossEntropyLoss`; *composed* has `Softmax` and `CrossEntropyLoss` instead. A turn is one call of `fit`,
  with what it does before the first step. *Compiled* is `Trainer(compiled=True)`, *2 threads* `Trainer(threads=2)`.
  What is compiled before the first step is not in the times.
- *before* is the minnet of an older commit, which takes its turns in a process of its own.
- *PyTorch* is its usual eager loop, with batches gathered by an index; *other idiom*: its `DataLoader`, or for images
  the memory order "channels last".
- *JAX* is a compiled step that is given batches; *scan* is a compiled epoch that also gathers them.
- *plain* and *best* are NumPy loops written by hand, the obvious one and the fastest that we found.
- *Limited to AVX2*: environment variables keep all libraries from AVX-512, except YNNPACK, which computes JAX's
  products. No variable limits it, so JAX's figures in that table are better than on a processor without AVX-512.
"""


def write(results: Results, docs: Path) -> None:
    """Write the page."""
    page = docs / "performance-figures.md"
    page.write_text("\n".join(_page(results)) + "\n", encoding="utf-8")
    print(f"wrote {page}")
    if section := _pictured(results):
        picture.draw(section["figures"], docs / PICTURE)


def _page(results: Results) -> Iterator[str]:
    variants = {heading(name, variant): variant for name, variant in quiet(results).items()}
    yield HEAD
    yield "## Where\n"
    for name, variant in results.items():
        loads = [value for section in variant["sections"].values() for value in section["load"] if value is not None]
        yield f"- {heading(name, variant)}: " + "; ".join(environment.in_words(variant["environment"]))
        yield f"  Load average, which includes the measurement itself: {min(loads)} … {max(loads)}."
    yield "\n## Training\n"
    for where, variant in variants.items():
        yield f"Microseconds a step (ratio to PyTorch), {where}:\n"
        yield from _training(variant)
        yield ""
    for title, table in (("Beside the commit before", _before), ("The limits", _limits)):
        tables = {where: lines for where, variant in variants.items() if (lines := list(table(variant)))}
        if tables:
            yield f"## {title}\n"
        for where, lines in tables.items():
            yield f"{where}:\n"
            yield from lines
            yield ""
    yield from _busy(results)
    pictured = _pictured(results)
    for name, title in TITLES.items():
        sections = {where: one["sections"][name] for where, one in variants.items() if name in one["sections"]}
        for where, section in sections.items():
            yield f"\n## {title}" + (f": {where}" if len(sections) > 1 else "") + "\n"
            yield from OTHERS[name](section)
            if section is pictured:
                yield f"\n![Rows a second against the number of threads and of processes]({PICTURE})"
    yield "\n## All contenders\n"
    for where, variant in variants.items():
        for _, times, section in works(variant):
            yield f"\n{title_of(section)}; {section['title'].rpartition('; ')[2]}; {where}:\n"
            yield from _everyone(times)
            yield from (f"\n{sentence(remark)}." for remark in section["remarks"])


def heading(name: str, variant: Results) -> str:
    """Return in words what the name of a variant says, with the processor that was measured."""
    facts = variant["environment"]
    words = facts["processor"]
    if ", AVX2" in name:
        words += " limited to AVX2, as on processors without AVX-512"
    elif facts["AVX-512"]:
        words += " with AVX-512"
    return words + (", while another process burns one core" if name.endswith("busy") else "")


def _pictured(results: Results) -> Results | None:
    """Return the newest section of threads and processes, which the picture shows."""
    having = [variant for variant in quiet(results).values() if "workers" in variant["sections"]]
    having.sort(key=lambda variant: variant["environment"]["date"])
    return having[-1]["sections"]["workers"] if having else None


def _training(variant: Results) -> Iterator[str]:
    """Yield the table of all works."""
    rows = []
    for name, times, section in works(variant):
        plain = next((loop for loop in PLAIN if loop in times.seconds), None)
        idiom = next((other for other in IDIOMS if other in times.seconds), None)
        contenders = ["minnet", *OPTIONS, "PyTorch", idiom, "JAX", "JAX, scan", "scikit-learn", plain, best(times)]
        cells = [micros(times, other) for other in contenders]
        for i, other in enumerate(contenders):
            if other in times.seconds and other != "PyTorch":
                cells[i] += f" ({ratio(times, other, 'PyTorch')})"
        rows.append([f"{name}: {title_of(section)}", *cells])
    options = [name.removeprefix("minnet, ") for name in OPTIONS]
    head = ["work", "minnet", *options, "PyTorch", "other idiom", "JAX", "scan", "scikit-learn", "NumPy, plain",
            "NumPy, best"]  # fmt: skip
    yield from markdown(head, rows)


def _before(variant: Results) -> Iterator[str]:
    """Yield the table of the times of this commit ÷ those of the one before, with the same options."""
    names = ("minnet", *OPTIONS)
    rows = []
    for work, times, _ in works(variant):
        cells = [ratio(times, name, name.replace("minnet", "before"), spread=True) for name in names]
        if "before" in times.seconds:
            rows.append([work, micros(times, "before"), ratio(times, "before", "PyTorch"), *cells])
    if rows:
        yield from markdown(["work", "before, µs", "before ÷ PyTorch", *(f"{name} ÷ before" for name in names)], rows)


def _limits(variant: Results) -> Iterator[str]:
    """Yield the table of what a step cannot be faster than, as ratios to PyTorch's whole step."""
    rows, columns = [], []
    for work, times, _ in works(variant):
        limits = [name for name in times.seconds if name.startswith(PREFIX)]
        columns = columns or limits
        if limits:
            cells = [f"{micros(times, name)} ({ratio(times, name, 'PyTorch')})" for name in columns]
            fastest = min(("minnet", *OPTIONS), key=lambda name: middle(times, name, "PyTorch") or 99.0)
            by_hand = ratio(times, "minnet", best(times)), ratio(times, "minnet, 2 threads", best(times, "2 threads"))
            rows.append([work, *by_hand, f"{micros(times, fastest)} ({ratio(times, fastest, 'PyTorch')})", *cells])
    if rows:
        yield "The products of a step alone, and the update's passes over memory alone: µs (÷ PyTorch's whole step).\n"
        head = ["work", "minnet ÷ best NumPy", "2 threads ÷ by hand with 2 threads", "minnet, fastest"]
        yield from markdown([*head, *(name.removeprefix(PREFIX) for name in columns)], rows)


def _busy(results: Results) -> Iterator[str]:
    """Yield the tables of a machine on which another process burns one core."""
    for variant_name, variant in results.items():
        if variant_name.endswith("busy"):
            yield "## A busy core\n"
            yield f"Microseconds a step (÷ PyTorch), {heading(variant_name, variant)}:\n"
            names = ("minnet", *OPTIONS)
            rows = [
                [work, *(f"{micros(times, name)} ({ratio(times, name, 'PyTorch')})" for name in names),
                 micros(times, "PyTorch")]
                for work, times, _ in works(variant)
            ]  # fmt: skip
            yield from markdown(["work", *names, "PyTorch"], rows)
            yield ""


def _predictions(section: Results) -> Iterator[str]:
    races = {title: Times.from_json(stored) for title, stored in section["races"].items()}
    names = list(dict.fromkeys(name for times in races.values() for name in times.seconds))
    rows = [[title, *(micros(times, name) for name in names)] for title, times in races.items()]
    yield "Microseconds for one sample:\n"
    yield from markdown(["model, sample", *names], rows)
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
    """Yield the table of all contenders of a work; bytes are compared with bytes, and two threads with two threads."""
    rows = []
    for name, values in times.seconds.items():
        low, _, high = (f"{rounded(1e6 * value, 3):g}" for value in quartiles(values))
        fastest = best(times, kind(name)) or best(times)
        ratios = [ratio(times, name, other, spread=True) for other in ("PyTorch", fastest)]
        rows.append([name, micros(times, name), f"{low} … {high}", *ratios])
    yield from markdown(["contender", "µs a step", "quartiles", "÷ PyTorch (quartiles)", "÷ best NumPy"], rows)
