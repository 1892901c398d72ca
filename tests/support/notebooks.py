"""The class notebooks: what build.py says of them, and their execution in a kernel."""

import ast
import importlib.util
import os
from pathlib import Path

import pytest

for package in ("jupytext", "nbclient", "ipykernel", "matplotlib"):
    pytest.importorskip(package, reason="the extra notebooks is not installed")
import nbclient  # noqa: E402
import nbformat  # noqa: E402
from jupyter_client import AsyncKernelManager  # noqa: E402
from jupyter_client.kernelspec import KernelSpecManager  # noqa: E402

from minnet.data.mnist.dataset import find_mnist  # noqa: E402

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "notebooks"
_SPEC = importlib.util.spec_from_file_location("build_notebooks", FOLDER / "build.py")
build = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(build)

SOURCES = build.sources()
EXERCISES = [source for source in SOURCES if build.has_exercises(source)]
LESSONS = [source for source in SOURCES if not build.has_exercises(source)]


def name_of(source):
    """Return a test's name for a source: "zh-TW/softmax_regression"."""
    return str(source.relative_to(FOLDER).with_suffix(""))


def handout(source):
    """Return the notebook without the solutions."""
    return build.without_solutions(build.read(source), build.language(source))


def code_cells(book):
    return [cell for cell in book.cells if cell.cell_type == "code"]


def grade_id(cell):
    """Return the name that build.py gave to an answer or a check, or ""."""
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def checks(book):
    return [cell for cell in code_cells(book) if grade_id(cell).startswith("check-")]


def execute(book, folder, *, mnist=None, allow_errors=False):
    """Execute a notebook in a kernel that finds this checkout, and real MNIST in `mnist`, or nowhere."""
    environment = {name: value for name, value in os.environ.items() if name != "MINNET_DATA"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment["XDG_CACHE_HOME"] = str(folder)  # where MNIST may have been downloaded to
    environment["IPYTHONDIR"] = str(folder)  # so that no test depends on the user's settings
    if mnist is not None:
        environment["MINNET_DATA"] = str(mnist)
    # The kernel of this Python, whatever kernels the user has installed under the same name.
    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=KernelSpecManager(kernel_dirs=[]))
    resources = {"metadata": {"path": str(folder)}}
    client = nbclient.NotebookClient(book, km=manager, timeout=600, allow_errors=allow_errors, resources=resources)
    client.execute(env=environment, cleanup_kc=True)  # else a kernel that nbclient did not make runs on
    return book


def mnist_or_skip():
    """Return the folder or file that MINNET_DATA names, if real MNIST is there, as CI has it."""
    place = os.environ.get("MINNET_DATA")
    if place is None or isinstance(find_mnist(place, download=False), list):
        pytest.skip("MINNET_DATA names no MNIST")
    return os.path.abspath(place)


def errors(cell):
    return [output for output in cell.outputs if output.output_type == "error"]


def text(cell):
    """Return what a cell printed, and its value as text."""
    return "\n".join(output.get("text", output.get("data", {}).get("text/plain", "")) for output in cell.outputs)


def pictures(book):
    """Return how many pictures the executed notebook shows."""
    return sum("image/png" in output.get("data", {}) for cell in code_cells(book) for output in cell.outputs)


def solutions(source):
    """Yield the name of each answer in code, and its solution as Python, dedented."""
    for cell in code_cells(build.read(source)):
        if not cell.metadata.get("nbgrader", {}).get("solution"):
            continue
        inside, lines = False, []
        for line in cell.source.split("\n"):
            if build.BEGIN in line or build.END in line:
                inside = build.BEGIN in line
            elif inside:
                lines.append(line)
        indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
        yield grade_id(cell), "\n".join(line[indent:] for line in lines)


TELLING = (ast.Call, ast.BinOp, ast.AugAssign, ast.Subscript, ast.Compare, ast.Lambda, ast.ListComp)


def telling_lines(solution):
    """Return what must not be in the hand-out: each statement that computes something, without its blanks.

    ``cache = x`` or ``return loss`` may stand anywhere.
    """
    function = "def f():\n" + "".join(f"    {line}\n" for line in solution.split("\n"))  # because it may have a return
    statements = [
        node for node in ast.walk(ast.parse(function)) if isinstance(node, ast.stmt) and not hasattr(node, "body")
    ]
    computing = [node for node in statements if any(isinstance(part, TELLING) for part in ast.walk(node))]
    return ["".join(ast.unparse(node).split()) for node in computing]


def squeezed(book):
    """Return all text of a notebook, code as `telling_lines` writes it: sources, outputs and metadata."""
    parts = [nbformat.writes(book)]
    for cell in code_cells(book):
        parts += [cell.source, ast.unparse(ast.parse(cell.source))]
    parts += [cell.source for cell in book.cells]
    return "".join("".join(parts).split()).replace('"', "'")
