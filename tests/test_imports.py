"""Imports point strictly down, and importing minnet is cheap."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import minnet

ROOT = Path(minnet.__file__).parent

# What may import what: a room imports only from rooms in lines above its own, and files of one room may use each other.
ROOMS = [
    {"errors", "version"},
    {"core", "untrusted"},
    {"initializers", "metrics"},
    {"layers", "losses", "optimizers", "data"},
    {"saving", "inspection", "plots"},
    {"callbacks", "explaining"},
    {"compiled", "mpi"},
    {"training"},
    {"sklearn", "torch", "onnx", "grading", "demo"},
    {"__init__", "__main__", "grade"},
]
LEVELS = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}
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
            for alias in node.names:
                is_module = ROOT.joinpath(*inside, f"{alias.name}.py").is_file()
                yield ".".join([*inside, alias.name] if is_module or not inside else inside)
        elif isinstance(node, ast.Import):
            yield from (a.name.removeprefix("minnet.") for a in node.names if a.name.startswith("minnet."))
        assert not (isinstance(node, ast.ImportFrom) and node.level), f"{path}: relative import"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path):
    room = path.relative_to(ROOT).with_suffix("").parts[0]
    for module in imported(path):
        other = module.split(".")[0]
        assert room == other or LEVELS[other] < LEVELS[room], f"{room} imports {other}, which is not below it"


@pytest.mark.parametrize("room", sorted(path.name for path in ROOT.iterdir() if (path / "__init__.py").is_file()))
def test_no_circle_inside_a_room(room):
    graph = {}
    for path in (ROOT / room).rglob("*.py"):
        if path.stem != "__init__":
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            graph[name] = {module for module in imported(path) if module.startswith(room + ".")}
    done = set()
    while ready := {name for name, needs in graph.items() if name not in done and needs <= done}:
        done |= ready
    assert done == set(graph)


def test_importing_minnet_brings_in_no_extra():
    code = "import sys, minnet; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"matplotlib", "pooch", "torch", "requests", "tqdm", "PIL", "numba", "scipy", "sklearn", "pandas"}
    assert not heavy & set(loaded)


def test_every_public_name_exists_once():
    assert len(set(minnet.__all__)) == len(minnet.__all__)
    assert all(hasattr(minnet, name) for name in minnet.__all__)


@pytest.mark.parametrize(
    "path", [p for p in FILES if p.name != "__init__.py"], ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_source_file_has_its_test_file(path):
    tests = Path(__file__).parent
    assert (tests / path.relative_to(ROOT)).with_name(f"test_{path.stem.strip('_')}.py").is_file()
