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
from minnet.grading.sandbox.process import PROTECTION


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
            f"\nminnet.grade: stopped; the same command goes on, with what {out.with_suffix('.json')} has",
            file=sys.stderr,
        )
        return 130
    finally:
        bar.close()
    print(_summary(results, out))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m minnet.grade", description="Grade a folder of students' layers.")
    parser.add_argument("folder", help="one file .py or .ipynb a student, or one folder a student with it")
    parser.add_argument("--exercise", required=True, metavar="YAML", help="which layers are asked for: docs/grading.md")
    parser.add_argument("--out", default="scores.csv", metavar="CSV", help="the scores; details go beside it, as .json")
    parser.add_argument("--reports", metavar="FOLDER", help="write a report a student there, in Markdown")
    parser.add_argument(
        "--again", action="store_true", help="grade files again that the .json beside --out has already"
    )
    parser.add_argument(
        "--processes", type=int, default=0, metavar="N", help="files at a time (default: the processors)"
    )
    return parser


def _summary(results: Sequence[Result], out: Path) -> str:
    """Say how it went, in a few lines."""
    counts = Counter(result.status for result in results)
    lines = [f"{len(results)} files: " + ", ".join(f"{count} {status}" for status, count in counts.most_common())]
    lines += [
        f"  {r.student}: {r.status}: {'; '.join(r.flags) or '-'}" for r in results if r.status != GRADED or r.flags
    ]
    lines += [
        f"How files were shut in: {PROTECTION[way]}." for way in sorted({r.protection for r in results} & {*PROTECTION})
    ]
    return "\n".join([*lines, f"Scores: {out}; every check: {out.with_suffix('.json')}"])


if __name__ == "__main__":
    sys.exit(main())
