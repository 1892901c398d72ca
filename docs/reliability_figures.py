"""Make the figures of docs/reliability.md of what the programs that took them have written down.

python docs/reliability_figures.py
"""

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reliability-figures.md"
KILLS, FUZZ, LONG_RUN = (
    ROOT / name for name in ("tests/reliability/kills.json", "tests/fuzz/figures.json", "benchmarks/long_run.json")
)


def page() -> str:
    """Return the page."""
    return "\n\n".join([kills(_json(KILLS)), fuzz(_json(FUZZ)), long_run(_json(LONG_RUN)), mistakes()]) + "\n"


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
