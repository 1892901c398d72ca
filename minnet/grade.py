"""``python -m minnet.grade`` grades a folder of students' layers: see docs/grading.md."""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from minnet.errors import MissingExtraError
from minnet.grading.results import GRADED, Result
from minnet.grading.run import run
from minnet.grading.sandbox.sandbox import PROTECTION


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 0, or 2 if the arguments are wrong, or 130 after Ctrl-C."""
    given = _parser().parse_args(arguments)
    out = Path(given.out)
    bar = tqdm(unit="file", disable=None)

    def done(result: Result, count: int) -> None:
        bar.total = count
        bar.update()

    try:
        results = run(
            Path(given.folder),
            Path(given.exercise),
            out,
            report_folder=Path(given.reports) if given.reports else None,
            again=given.again,
            processes=given.processes,
            done=done,
        )
    except (ValueError, OSError, MissingExtraError) as error:
        print(f"minnet.grade: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            f"\nminnet.grade: stopped. The same command continues from {out.with_suffix('.json')}",
            file=sys.stderr,
        )
        return 130
    finally:
        bar.close()
    print(_summary(results, out))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m minnet.grade", description="Grade a folder of students' layers.")
    parser.add_argument("folder", help="for each student, a file .py or .ipynb, or a folder with one")
    parser.add_argument("--exercise", required=True, metavar="YAML", help="questions and points: docs/grading.md")
    parser.add_argument(
        "--out", default="scores.csv", metavar="CSV", help="the scores; details go into the same name with .json"
    )
    parser.add_argument("--reports", metavar="FOLDER", help="write a report for each student there, in Markdown")
    parser.add_argument("--again", action="store_true", help="grade all files, also those that were graded before")
    parser.add_argument(
        "--processes",
        type=int,
        default=0,
        metavar="N",
        help="files at a time (default: one for each processor)",
    )
    return parser


def _summary(results: Sequence[Result], out: Path) -> str:
    """Say how it went, in a few lines."""
    counts = Counter(result.status for result in results)
    lines = [f"{len(results)} files: " + ", ".join(f"{count} {status}" for status, count in counts.most_common())]
    lines += [
        f"  {r.student}: {r.status}: {'; '.join(r.flags) or '-'}" for r in results if r.status != GRADED or r.flags
    ]
    lines += [f"Isolation: {PROTECTION[way]}." for way in sorted({r.protection for r in results} & {*PROTECTION})]
    return "\n".join([*lines, f"Scores: {out}; every check: {out.with_suffix('.json')}"])


if __name__ == "__main__":
    sys.exit(main())
