"""Imports point strictly down, and importing minnet is cheap."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import minnet

ROOT = Path(minnet.__file__).parent

# What may import what: only from a lower number. Files of one package may import each other downwards in it.
LEVELS = {
    "arrays": 0,
    "errors": 0,
    "lazy": 0,
    "version": 0,
    "extras": 1,
    "initializers": 1,
    "interrupts": 1,
    "parameter": 1,
    "special": 1,
    "state": 1,
    "stopwatch": 1,
    "tensorfile": 1,
    "data": 2,
    "layer": 2,
    "machine": 2,
    "memory": 1,
    "optimizers": 2,
    "schedules": 2,
    "history": 3,
    "layers": 3,
    "losses": 3,
    "metrics": 3,
    "weights": 3,
    "callbacks": 4,
    "unchecked": 4,
    "contract": 4,
    "diagnosis": 4,
    "evaluation": 4,
    "guard": 4,
    "plots": 4,
    "snapshot": 4,
    "summary": 4,
    "team": 4,
    "checkpoint": 5,
    "fastpath": 5,
    "gradcheck": 5,
    "inputs": 5,
    "lr_range": 5,
    "kernels": 5,
    "compilable": 6,
    "compiled": 7,
    "predictor": 7,
    "run": 8,
    "trainer": 9,
    "__init__": 10,
    "workload": 10,
    "doctor": 11,
}
PACKAGES = ("callbacks", "data", "layers", "losses", "optimizers")
FILES = sorted(ROOT.rglob("*.py"))


def imported(path):
    """Yield the modules of minnet that a file imports when it is run (not for type checks only)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and (node.module or "").split(".")[0] == "minnet":
            inside = node.module.split(".")[1:]
            yield from ([".".join(inside)] if inside else [alias.name for alias in node.names])
        elif isinstance(node, ast.Import):
            yield from (a.name.removeprefix("minnet.") for a in node.names if a.name.startswith("minnet."))
        assert not (isinstance(node, ast.ImportFrom) and node.level), f"{path}: relative import"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path):
    own = path.relative_to(ROOT).with_suffix("").parts[0]
    for module in imported(path):
        other = module.split(".")[0]
        if own == other and own in PACKAGES:
            continue
        assert LEVELS[other] < LEVELS[own], f"{own} (level {LEVELS[own]}) imports {other} (level {LEVELS[other]})"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_circle_inside_a_package(package):
    graph = {}
    for path in (ROOT / package).glob("*.py"):
        if path.stem != "__init__":
            graph[path.stem] = {m.split(".")[1] for m in imported(path) if m.startswith(package + ".")}
    done = set()
    while ready := {name for name, needs in graph.items() if name not in done and needs <= done}:
        done |= ready
    assert done == set(graph)


def test_importing_minnet_brings_in_no_extra():
    code = "import sys, minnet; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"matplotlib", "pooch", "torch", "requests", "tqdm", "PIL", "numpy.random"} & set(loaded)


def test_every_public_name_exists_once():
    assert len(set(minnet.__all__)) == len(minnet.__all__)
    assert all(hasattr(minnet, name) for name in minnet.__all__)


@pytest.mark.parametrize(
    "path", [p for p in FILES if p.name != "__init__.py"], ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_source_file_has_its_test_file(path):
    tests = Path(__file__).parent
    assert (tests / path.relative_to(ROOT)).with_name(f"test_{path.name}").is_file()
