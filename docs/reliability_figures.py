"""Make the figures of docs/reliability.md of what the programs that took them have written down.

python docs/reliability_figures.py
"""

import importlib.util
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests"
PAGE = ROOT / "docs" / "reliability-figures.md"
KILLS, FUZZ = TESTS / "reliability" / "kills.json", TESTS / "fuzz" / "figures.json"
LONG_RUN = ROOT / "benchmarks" / "long_run.json"


def page() -> str:
    """Return the page."""
    return "\n\n".join([kills(read(KILLS)), fuzz(read(FUZZ)), long_run(read(LONG_RUN)), tables()]) + "\n"


def read(path: Path) -> Any:
    """Read the figures that a program has written."""
    return json.loads(path.read_text(encoding="utf-8"))


def kills(figures: Any) -> str:
    """Return the table of runs that were killed."""
    rows = [
        [run["what"].rstrip("."), run["kills"], run["in a write"], "yes" if run["equal"] else "NO"]
        for run in figures["configurations"].values()
    ]
    return (
        f"**Kills survived**: {figures['kills']}, of them {figures['in a write']} while a checkpoint was written "
        f"({figures['system']}, NumPy {figures['numpy']}, {figures['date']}).\n\n"
    ) + table(["run", "killed", "in a write", "the end is equal"], rows)


def fuzz(figures: Any) -> str:
    """Return the table of the inputs that were tried."""
    rows = []
    for name, figure in figures.items():
        outcomes = [f"{figure['outcomes'][kind]:,}" for kind in ("read", "refused", "failure")]
        longest, most = 1000 * figure["longest_input_seconds"], figure["most_memory_bytes"] / 1e6
        rows.append(
            [
                name,
                f"{figure['inputs']:,}",
                *outcomes,
                f"{longest:.0f} ms",
                f"{most:.1f} MB",
            ]
        )
    head = ["reader", "inputs", "read", "refused", "failures", "longest", "most memory"]
    return (
        f"**Inputs fuzzed**: {sum(figure['inputs'] for figure in figures.values()):,}, mutated from real files. "
        "A failure would be any other outcome than the right content or the documented error.\n\n"
    ) + table(head, rows)


def long_run(figures: Any) -> str:
    """Say how much memory a long run takes."""
    early, late, most = (figures[f"MB {when}"] for when in ("after 10,000 steps", "at the end", "at most"))
    return (
        f"**A long run**: {figures['steps']:,} steps of the notebook's job, with every callback on, a checkpoint "
        f"every 10 s, and rows streamed to a file: {early:.1f} MB resident after 10,000 steps, {late:.1f} MB at the "
        f"end, {most:.1f} MB at most ({figures['environment']['date']})."
    )


def tables() -> str:
    """Say how many mistakes, malicious pickles and kept inputs the tests have."""
    mistakes = _module(TESTS / "test_mistakes.py").MISTAKES
    sys.path.append(str(TESTS / "support"))  # what the tests of several files use
    pickles = _module(TESTS / "data" / "mnist" / "test_malicious_pickles.py")
    malice, torch_malice = (_module(TESTS / "support" / f"{name}.py") for name in ("malice", "torch_malice"))
    of_pickle = len(pickles.RUNNING) + len(pickles.OTHER)
    of_torch = len(malice.RUNNING) * len(torch_malice.FORMS) + 2 * len(torch_malice.INSIDE | torch_malice.UNSAFE)
    kept = sum(1 for path in (TESTS / "fuzz" / "corpus").rglob("*") if path.is_file())
    return (
        f"**Mistakes covered**: {len(mistakes)}. **Malicious pickles** that run nothing: {of_pickle}. "
        f"**Hostile files of PyTorch**: {of_torch + len(torch_malice.OTHER)}. "
        f"**Inputs of the fuzzer kept** and tried again: {kept}."
    )


def table(head: list[str], rows: Iterable[list[Any]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # where pickle looks for the classes in it
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
