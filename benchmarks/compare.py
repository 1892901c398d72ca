"""Compare minnet with PyTorch, JAX, scikit-learn and hand-written NumPy, side by side.

    python benchmarks/compare.py --short          # some minutes: whether it works; for small steps, turns are too short
    python benchmarks/compare.py                  # a quarter of an hour: writes benchmarks/results.json
    python benchmarks/compare.py --works W1,W3    # only these
    python benchmarks/compare.py --before FOLDER  # beside the minnet of a checkout of another commit
    python benchmarks/compare.py --avx2           # as on a processor without AVX-512
    python benchmarks/compare.py --busy           # while another process burns one core
    python benchmarks/compare.py --check          # do all contenders do the same work?
    python benchmarks/compare.py --page           # writes docs/performance-figures.md and the READMEs' tables

All contenders run in one process and take turns. A ratio is that of two times of the same round; what is printed is the
median of the ratios. A rival that is not installed is left out. MNIST is read from the folder in MINNET_DATA; without
it, the digits are synthetic.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import environment

if TYPE_CHECKING:
    from works import Work

HERE = Path(__file__).parent
BUSY = 0.5  # with more running processes a core than this, a warning is printed
RESULTS, DOCS = HERE / "results.json", HERE.parent / "docs"

SECTIONS = {  # what can be measured, and its title
    "W1": "784-10, batch 128",
    "W2": "784-10, batch 1",
    "W3": "784-128-10",
    "W3A": "784-128-10 with Adam",
    "W4": "784-1024-1024-10",
    "W5": "two convolutions",
    "L": "an LSTM",
    "T": "a transformer",
    "prediction": "one image at a time",
    "notebook": "the notebook's 20,000 steps",
    "start-up": "importing",
    "memory": "the most memory",
    "workers": "rows a second against threads and processes (not with --short)",
    "growth": "time against size (not with --short)",
}
AVX2_SECTIONS = ("W1", "W2", "W3", "W3A", "W4", "W5", "L", "T", "prediction")
BUSY_SECTIONS = ("W1", "W3", "W4", "W5", "L", "T")


def measure(name: str, chosen: argparse.Namespace, section: dict[str, Any]) -> None:
    """Measure a section into `section`, which holds all that was measured if Ctrl-C ends it early."""
    import footprint
    import growth
    import notebook_job
    import prediction
    import workers
    from rounds import FULL, SHORT, Times
    from works import WORKS

    short, effort = chosen.short, SHORT if chosen.short else FULL
    races: dict[str, Times] = section["races"]
    figures: dict[str, Any] = section["figures"]

    def remark(text: str) -> None:
        if text not in section["remarks"]:
            section["remarks"].append(text)

    if name in WORKS:
        train(WORKS[name], chosen, section, remark)
    elif name == "prediction":
        prediction.measure(effort, races, remark)
    elif name == "notebook":
        steps = 2000 if short else 20_000
        section["title"] = f"{steps:,} steps of 128, and ten times all 60,000 images"
        notebook_job.measure(steps, steps // 10, figures)
    elif name == "start-up":
        section["title"] = "milliseconds to import, beyond NumPy, in a fresh process"
        footprint.start_up(2 if short else 7, figures, remark)
    elif name == "memory":
        section["title"] = (
            "MB: the most memory of a fresh process that loads the data, trains, and tests; *training* is what that is "
            "beyond the data and the library (but for Numba, which is loaded for the training)"
        )
        footprint.memory(short, figures, remark)
    elif name == "workers":
        section["title"] = "rows a second, by the number of threads of one training, or of processes that train alone"
        workers.measure(figures, remark)
    elif name == "growth":
        growth.measure(races)


def train(work: Work, chosen: argparse.Namespace, section: dict[str, Any], remark: Callable[[str], None]) -> None:
    """Let all contenders of a work take turns, with those of another commit, and with the limits."""
    import child
    import limits
    from rivals import ask
    from rounds import FULL, SHORT, Times, race
    from works import data_of

    data = data_of(work)
    section["title"] = f"{work.title}; {data.name}"
    section["races"][work.title] = times = Times()
    contenders = ask("contenders", work, data, remark=remark)
    if chosen.busy:
        contenders = [one for one in contenders if one.name.startswith("minnet") or one.name == "PyTorch"]
    else:
        sizes = [p.data.size for p in contenders[0].trainer.model.parameters()]
        contenders += limits.contenders(work, sizes, remark)
    with child.trainings(chosen.before, work, remark) as before:
        race([*contenders, *before], SHORT if chosen.short else FULL, work.key, times)


def run(names: list[str], chosen: argparse.Namespace, save: Callable[[dict[str, Any]], None]) -> None:
    """Measure the sections, and print each; call `save` with all complete sections after each of them."""
    results: dict[str, Any] = {"environment": environment.facts(chosen.before), "sections": {}}
    print("\n".join(environment.in_words(results["environment"])), flush=True)
    if (load := environment.load()) and load > BUSY * results["environment"]["cores"]:
        print(
            f"The machine is busy (load {load}). Threads wait for each other, so times of several threads mean little."
        )
    for name in names:
        section: dict[str, Any] = {"title": SECTIONS[name], "races": {}, "figures": {}, "remarks": []}
        section["load"] = [environment.load()]
        try:
            measure(name, chosen, section)
        finally:  # after Ctrl-C, too
            section["load"].append(environment.load())
            section["races"] = {title: times.as_json() for title, times in section["races"].items()}
            print("\n" + "\n".join(lines(name, section)), flush=True)
        results["sections"][name] = section
        save(results)


def lines(name: str, section: dict[str, Any]) -> list[str]:
    """Return a section as lines for the terminal."""
    import growth
    from rounds import Times, best, table

    before, after = section["load"]
    text = [f"{name}: {section['title']} (load {before} … {after})"]
    for title, stored in section["races"].items():
        times = Times.from_json(stored)
        if name == "growth":
            text.append(f"  {title}: {growth.summary(title, times)}" if times.seconds else f"  {title}: nothing")
            continue
        if len(section["races"]) > 1:
            text.append(f"  {title}")
        references = "PyTorch", best(times), "before"
        text += table(times, [reference for reference in references if reference in times.seconds])
    for row, values in section["figures"].items():
        text.append(f"  {row:42}" + "; ".join(f"{column}: {value:g}" for column, value in values.items()))
    return text + [f"  note: {remark}" for remark in section["remarks"]]


def store(path: Path, variant: str, results: dict[str, Any]) -> None:
    """Write the sections into a file, and keep those of other works on the same processor, and other variants."""
    stored = json.loads(path.read_text()) if path.exists() else {}
    old = stored.get(variant, {"environment": {}, "sections": {}})
    if old["environment"].get("processor") == results["environment"]["processor"]:
        results = {**results, "sections": old["sections"] | results["sections"]}
    stored[variant] = results
    path.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def options(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sections = "; ".join(f"{name} ({what})" for name, what in SECTIONS.items())
    parser.add_argument("--works", metavar="NAMES", help=f"what to measure, with commas between: {sections}")
    parser.add_argument(
        "--short", action="store_true", help="few rounds, no growth, no workers; nothing is stored without --out"
    )
    parser.add_argument("--avx2", action="store_true", help="with libraries limited to AVX2: a column of its own")
    parser.add_argument(
        "--before", metavar="FOLDER", type=Path, help="a checkout of another commit, whose minnet takes part as well"
    )
    parser.add_argument("--busy", action="store_true", help="minnet and PyTorch while another process burns one core")
    parser.add_argument("--out", type=Path, help="the file for the results (benchmarks/results.json, unless --short)")
    parser.add_argument("--check", action="store_true", help="train all contenders alike, and compare their models")
    parser.add_argument("--page", action="store_true", help="write the page of figures, and the READMEs' tables")
    parser.add_argument("--readme", action="store_true", help="print the README's table of the results")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the results for --page and --readme")
    parser.add_argument("--docs", type=Path, default=DOCS, help="the folder for --page")
    found = parser.parse_args(arguments)
    default = list(BUSY_SECTIONS if found.busy else AVX2_SECTIONS if found.avx2 else SECTIONS)
    found.names = [name.strip() for name in found.works.split(",")] if found.works else default
    if found.before and not (found.before / "minnet").is_dir():
        parser.error(f"--before: {found.before} has no folder minnet; make a checkout: git worktree add FOLDER COMMIT")
    unknown = [name for name in found.names if name not in SECTIONS]
    if unknown:
        parser.error(f"--works: there is no {', '.join(unknown)}; choose from {', '.join(SECTIONS)}")
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line asks for; return the exit code."""
    chosen = options(arguments)
    if chosen.page or chosen.readme:
        return present(chosen)
    environment.settle(chosen.avx2)
    try:
        if chosen.check:
            from checks import check
            from works import WORKS

            return 0 if check([WORKS[name] for name in chosen.names if name in WORKS], print) else 1
        names = [name for name in chosen.names if name not in ("growth", "workers") or not chosen.short]
        path = chosen.out or (None if chosen.short else RESULTS)
        variant = environment.vendor() + (", AVX2" if chosen.avx2 else "") + (", busy" if chosen.busy else "")
        with burning() if chosen.busy else nullcontext():
            run(names, chosen, lambda results: path and store(path, variant, results))
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    return 0


@contextmanager
def burning() -> Iterator[None]:
    """Let another process compute without end, which takes one core."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def present(chosen: argparse.Namespace) -> int:
    """Write the page, or print the README's table, from results that were stored."""
    import page
    import readme

    if not chosen.results.exists():
        print(f"{chosen.results} does not exist: first run this without --page and --readme", file=sys.stderr)
        return 1
    results = json.loads(chosen.results.read_text(encoding="utf-8"))
    if chosen.readme:
        print(readme.table(results))
    if chosen.page:
        page.write(results, chosen.docs)
        readme.write(results, chosen.docs)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
