"""The pages of docs/ keep up with the code. (Their Python blocks are tests of their own, see docs/conftest.py.)"""

import ast
import importlib.util
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import minnet as mn

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_local_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link


def test_the_reference_names_all_that_is_public():
    reference = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    for name in mn.__all__:
        wanted = f"minnet.{name}" if inspect.ismodule(getattr(mn, name)) else name
        assert re.search(rf"\b{re.escape(wanted)}\b", reference), name
    for name in mn.data.__all__:
        assert isinstance(getattr(mn.data, name), type) or f"minnet.data.{name}" in reference, name


def test_every_layer_and_loss_has_its_derivation():
    pages = [ROOT / "docs" / "derivations.md", *(ROOT / "docs" / "derivations").glob("*.md")]
    derivations = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    for name in mn.__all__:
        public = getattr(mn, name)
        if inspect.isclass(public) and issubclass(public, mn.Layer) and public not in (mn.Layer, mn.Loss):
            assert re.search(rf"^##.*\b{name}\b", derivations, re.MULTILINE), name


def test_the_table_of_import_levels_is_the_one_that_is_tested():
    design = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", design, re.MULTILINE)
    shown = {name.strip("/"): int(level) for level, names in rows for name in re.findall(r"`([\w/]+)`", names)}
    source = (ROOT / "tests" / "test_imports.py").read_text(encoding="utf-8")
    rooms = ast.literal_eval(re.search(r"^ROOMS = (\[.*?^\])", source, re.MULTILINE | re.DOTALL)[1])
    assert shown == {room: level for level, names in enumerate(rooms) for room in names}


def test_the_figures_of_reliability_are_those_that_were_taken():
    """`python docs/reliability_figures.py` makes the page anew."""
    spec = importlib.util.spec_from_file_location("reliability_figures", ROOT / "docs" / "reliability_figures.py")
    figures = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(figures)
    assert figures.page() == figures.PAGE.read_text(encoding="utf-8")
    kills, fuzz = (json.loads(path.read_text(encoding="utf-8")) for path in (figures.KILLS, figures.FUZZ))
    assert kills["all equal"]
    assert kills["kills"] >= 50
    assert all(figure["inputs"] >= 200_000 and figure["outcomes"]["failure"] == 0 for figure in fuzz.values())


def test_the_benchmarks_table_in_the_readme_is_that_of_the_results():
    """`python benchmarks/compare.py --readme` prints it."""
    run = [sys.executable, ROOT / "benchmarks" / "compare.py", "--readme"]
    table = subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip()
    assert len(table.splitlines()) > 5
    assert table in (ROOT / "README.md").read_text(encoding="utf-8")
