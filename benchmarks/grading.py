"""Grade a class of a hundred generated files, and write the page with each verdict and its time.

python benchmarks/grading.py               # a minute or two: docs/grading-figures.md
python benchmarks/grading.py --out x.md
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

import classroom  # noqa: E402

from minnet.grading.results import GRADED, Result  # noqa: E402
from minnet.grading.run import run  # noqa: E402
from minnet.grading.sandbox.sandbox import PROTECTION  # noqa: E402

HEAD = """---
orphan: true
---

# A class of a hundred: figures

`python benchmarks/grading.py` wrote this page, on {processor} with {cores} processors ({system}; load: {load:.1f}).
In {seconds:.0f} s, it graded {count} files; of the verdicts, **{wrong} {were} wrong**. {protection}.

A right verdict is: all points for a right file; for a file with a mistake, all points but for the question with the
mistake; for a hostile file, a score of 0, and a status or a flag.

| file | verdict | score | status | seconds |
|---|---|---|---|---|
"""


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", default=str(ROOT / "docs" / "grading-figures.md"))
    out = Path(parser.parse_args().out)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mistakes = classroom.write(folder, seconds=10)
        load = os.getloadavg()[0]
        start = time.perf_counter()
        results = run(folder / "class", folder / "layers.yaml", folder / "scores.csv", report_folder=folder / "reports")
        seconds = time.perf_counter() - start
    wrong = [result.student for result in results if not is_right(result, mistakes)]
    head = HEAD.format(
        processor=processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        system=platform.system(),
        seconds=seconds,
        load=load,
        count=len(results),
        wrong=len(wrong) or "none",
        were="was" if len(wrong) < 2 else "were",
        protection=" ".join(f"Isolation: {PROTECTION[way]}" for way in sorted({r.protection for r in results})),
    )
    out.write_text(head + "\n".join(row(result, mistakes) for result in results) + "\n", encoding="utf-8")
    print(f"{len(results)} files in {seconds:.1f} s; wrong verdicts: {', '.join(wrong) or 'none'}")


def is_right(result: Result, mistakes: dict[str, str]) -> bool:
    """Whether a verdict is the one that it has to be."""
    if result.student.startswith("hostile"):
        return result.score == 0 and (result.status != GRADED or bool(result.flags))
    wrong = [answer.question for answer in result.answers if answer.score != answer.out_of]
    expected = [mistakes[result.student]] if result.student in mistakes else []
    return result.status == GRADED and wrong == expected


def row(result: Result, mistakes: dict[str, str]) -> str:
    """Return a row of the table."""
    verdict = "right" if is_right(result, mistakes) else "**wrong**"
    score = f"{result.score:.2f} of {result.out_of:g}"
    return f"| {result.student} | {verdict} | {score} | {result.status} | {result.seconds:.2f} |"


def processor() -> str:
    """Return the processor's name, as far as the system tells it."""
    from minnet.__main__ import processor as described

    return described().partition(",")[0]


if __name__ == "__main__":
    main()
