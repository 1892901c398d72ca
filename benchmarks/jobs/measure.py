"""Lines and seconds of four small jobs, each in minnet, scikit-learn and PyTorch.

The lines are those of code, without blank ones, comments and docstrings. The seconds are of the whole process, imports
included, the median of several runs in turns. Run it on a quiet machine::

    python benchmarks/jobs/measure.py --rounds 5
"""

import argparse
import ast
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tqdm import tqdm

FOLDER = Path(__file__).parent
LIBRARIES = {"minnet": "minnet", "sklearn": "scikit-learn", "torch": "PyTorch"}
JOBS = {  # name → what it is, and the arguments of each of its processes; {model} and {run} are paths
    "table": ("train and cross-validate a table", [[]]),
    "serve": ("save, serve, reload", [["train", "{model}"], ["serve", "{model}"]]),
    "watch": ("watch a long run", [["{run}"]]),
    "notebook": ("predict from a notebook", [["{model}"]]),
}


def lines_of(source: str) -> int:
    """Count the lines of code: blank ones, comments and docstrings are none."""
    counted = set()
    for node in ast.walk(ast.parse(source)):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, ast.stmt) and not is_text:
            counted.add(node.lineno)
            if not hasattr(node, "body"):
                counted.update(range(node.lineno, node.end_lineno + 1))
    return len(counted)


def run(job: str, library: str, model: Path) -> tuple[float, str]:
    """Do a job; return its seconds and what it printed last."""
    text, seconds = "", 0.0
    with tempfile.TemporaryDirectory() as folder:
        for arguments in JOBS[job][1]:
            given = [argument.format(model=model, run=folder) for argument in arguments]
            begin = time.perf_counter()
            done = subprocess.run(
                [sys.executable, FOLDER / f"{job}_{library}.py", *given], capture_output=True, text=True, check=False
            )
            seconds += time.perf_counter() - begin
            if done.returncode:
                sys.exit(f"{job}_{library}.py failed:\n{done.stderr}")
            text = (done.stdout.splitlines() or [text])[-1]
    return seconds, text


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each job is done")
    rounds = parser.parse_args().rounds
    seconds: dict[tuple[str, str], list[float]] = {}
    printed: dict[tuple[str, str], str] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in tqdm(range(rounds), disable=None):
            for job in JOBS:
                for library in LIBRARIES:
                    taken, printed[job, library] = run(job, library, Path(folder, f"{library}.model"))
                    seconds.setdefault((job, library), []).append(taken)
    print("| job | " + " | ".join(LIBRARIES.values()) + " |")
    print("|---|" + "---|" * len(LIBRARIES))
    for job, (what, _) in JOBS.items():
        cells = []
        for library in LIBRARIES:
            lines = lines_of((FOLDER / f"{job}_{library}.py").read_text())
            cells.append(f"{lines} lines, {statistics.median(seconds[job, library]):.1f} s")
        print(f"| {what} | " + " | ".join(cells) + " |")
    print(f"\nOne BLAS thread: {os.environ.get('OPENBLAS_NUM_THREADS') == '1'}. What they printed last:")
    for (job, library), text in printed.items():
        print(f"  {job:<9} {library:<8} {text}")


if __name__ == "__main__":
    main()
