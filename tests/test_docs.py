"""The pages of docs/ keep up with the code. (Their Python blocks are tests of their own, see docs/conftest.py.)"""

import ast
import contextlib
import importlib.util
import inspect
import json
import operator
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import minnet as mn

ROOT = Path(__file__).parents[1]
WITH_EXTRAS = ("minnet.sklearn.", "minnet.onnx.")  # what cannot be imported without one
PAGES = sorted(page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_local_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link


def documented():
    """Return the names that have an entry in the reference: "minnet.Linear", "minnet.data.load_mnist", ..."""
    pages = "\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "api").glob("*.md"))
    return re.findall(r"^\.\. auto(?:class|function|data):: (\S+)$", pages, re.MULTILINE)


def public(module, path="minnet"):
    """Yield the path, as a user writes it, of each public class and function of a module, and of minnet's modules."""
    for name in getattr(module, "__all__", [name for name in vars(module) if not name.startswith("_")]):
        thing = getattr(module, name)
        if inspect.ismodule(thing):
            if module is mn or thing is mn.data.augment:
                yield from public(thing, f"{path}.{name}")
            continue
        written = inspect.isclass(thing) or inspect.isfunction(thing)
        if written and (module is mn or thing.__module__.startswith(module.__name__)):
            yield f"{path}.{name}"


def test_the_reference_has_all_that_is_public_once():
    entries = documented()
    assert len(entries) == len(set(entries))
    known = {id(resolve(entry)) for entry in entries if not entry.startswith(WITH_EXTRAS)}
    missing = [path for path in public(mn) if id(resolve(path)) not in known]
    assert not missing, "write each on its page in docs/api/, as `.. autoclass:: minnet.Name`"


def resolve(path):
    """Return what a path such as "minnet.data.load_mnist" names."""
    return pkgutil.resolve_name(path)


def test_the_docstrings_of_the_reference_are_numpydoc():
    """Summary of one line with a period, known sections in their order, only parameters that there are."""
    validate = pytest.importorskip("numpydoc.validate", reason="the extra docs is not installed").validate
    codes = {"GL01", "GL02", "GL06", "GL07", "GL08", "PR02", "PR05", "PR10", "RT02", "SS01", "SS03", "SS06", "YD01"}
    wrong = [
        f"{name}: {code} {text}"
        for name in documented()
        if not name.startswith(WITH_EXTRAS) and callable(resolve(name))
        for code, text in validate(name)["errors"]
        if code in codes
    ]
    assert not wrong


def test_the_reference_begins_with_what_people_use_first():
    first = (ROOT / "docs" / "api.md").read_text(encoding="utf-8").partition("## ")[0]
    assert re.findall(r"minnet\.(\w+)", first)[:4] == ["Trainer", "DataLoader", "Sequential", "Linear"]


def test_every_layer_and_loss_has_its_derivation():
    pages = [ROOT / "docs" / "derivations.md", *(ROOT / "docs" / "derivations").glob("*.md")]
    derivations = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    for name in mn.__all__:
        public = getattr(mn, name)
        if inspect.isclass(public) and issubclass(public, mn.Layer) and public not in (mn.Layer, mn.Loss):
            assert re.search(rf"^##.*\b{name}\b", derivations, re.MULTILINE), name


def test_the_table_of_rooms_is_the_one_that_is_tested():
    """In the table of docs/design.md, each line holds rooms that import from the lines below only."""
    design = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    shown = [set(re.findall(r"`(\w+)/?`", row)) for row in re.findall(r"^\| \d+ \| ([^|]+) \|", design, re.MULTILINE)]
    source = (ROOT / "tests" / "test_imports.py").read_text(encoding="utf-8")
    rooms = re.search(r"^ROOMS = (\[.*?^\])", source, re.MULTILINE | re.DOTALL)
    assert shown[::-1] == ast.literal_eval(rooms[1])


def test_the_five_files_to_read_first_have_as_many_lines_as_it_says():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    first = text[text.index("Read five files first") :].partition("\n\n")[0]
    files = re.findall(r"\((minnet/\S+\.py)\)", first)
    lines = sum((ROOT / file).read_text(encoding="utf-8").count("\n") for file in files)
    assert len(files) == 5
    for page in (first, (ROOT / "docs" / "design.md").read_text(encoding="utf-8")):
        assert f"{lines} lines" in page


def test_the_figures_of_reliability_are_those_that_were_taken():
    """`python docs/reliability_figures.py` makes the page anew."""
    spec = importlib.util.spec_from_file_location("reliability_figures", ROOT / "docs" / "reliability_figures.py")
    figures = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(figures)
    assert figures.page() == figures.PAGE.read_text(encoding="utf-8")
    kills, fuzz = (json.loads(path.read_text(encoding="utf-8")) for path in (figures.KILLS, figures.FUZZ))
    assert kills["all equal"]
    assert kills["kills"] >= 50
    assert sum(figure["inputs"] for figure in fuzz.values()) >= 1_200_000
    assert not any(figure["outcomes"]["failure"] for figure in fuzz.values())


def test_the_benchmarks_table_in_the_readme_is_that_of_the_results():
    """`python benchmarks/compare.py --readme` prints it."""
    run = [sys.executable, "-X", "utf8", ROOT / "benchmarks" / "compare.py", "--readme"]
    table = subprocess.run(run, capture_output=True, encoding="utf-8", check=True).stdout.strip()
    assert len(table.splitlines()) > 5
    assert table in (ROOT / "README.md").read_text(encoding="utf-8")


SCRIPTS = sorted(path for folder in ("benchmarks", "docs", "examples") for path in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_what_scripts_use_of_minnet_is_there(script):
    """Each ``mn.a.b`` exists. (The tests that run the scripts are slow, so that few people run them.)"""
    chains = [
        ast.unparse(node)
        for node in ast.walk(ast.parse(script.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
    ]
    for chain in filter(re.compile(r"mn(\.\w+)+").fullmatch, chains):
        with contextlib.suppress(mn.errors.MissingExtraError):
            operator.attrgetter(chain[len("mn.") :])(mn)
