"""``python -m minnet`` prints what minnet runs on, how many threads to use, where MNIST is, and what else to run."""

import argparse
import ast
import os
import platform
import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from minnet.core.blas import OTHERWISE, THREADS, built_with, loaded, milliseconds, threads_variable
from minnet.core.extras import EXTRAS, packages, pip_command
from minnet.data.mnist.dataset import find_mnist
from minnet.errors import DataError
from minnet.version import __version__

VARIABLES = (  # which a BLAS reads when it is loaded: the number of threads, and the kernel; the last is NumPy's
    *(*THREADS.values(), OTHERWISE),
    *("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "MKL_ENABLE_INSTRUCTIONS", "BLIS_ARCH_TYPE", "NPY_DISABLE_CPU_FEATURES"),
)


PRODUCT = 128, 784, 128  # of a small network: the batch, and its largest matrix
COMMANDS = "python -m minnet.demo (a page that reads a digit)", "python -m minnet.grade --help (grades layers)"
QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container: microseconds of processor time, and in how many


def usable() -> int:
    """Return how many processors this process may use at a time: by its affinity, and by its container's quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError):  # ValueError: "max" is no number
        quota, period = map(int, QUOTA.read_text().split())
        return max(1, min(cores, quota // period))
    return cores


def processor() -> str:
    """Return the processor's name, as far as the system tells it, the number of cores, and how busy they are."""
    found, cores = None, os.cpu_count() or 1
    with suppress(OSError):  # only Linux has this file
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(errors="replace"), re.MULTILINE)
    name = found[1] if found else platform.processor() or "unknown processor"
    text = f"{name}, {platform.system()} {platform.machine()}; {usable()} of {cores} cores for this process"
    with suppress(OSError, AttributeError):  # AttributeError: Windows
        text += f"; load average of the last minute: {os.getloadavg()[0]:.1f}"
    return text


def blas(built: Mapping[str, Any], pools: Sequence[Mapping[str, Any]] | None) -> str:
    """Describe NumPy's BLAS: by ``numpy.show_config``, and by threadpoolctl unless `pools` is None."""
    name = " ".join(str(built[key]) for key in ("name", "version") if built.get(key, "unknown") != "unknown")
    if pools is None:
        return f"{name or 'unknown'}; to see its kernel and threads: pip install threadpoolctl"
    if not pools:
        return f"{name or 'unknown'}; threadpoolctl does not know its kernel and threads"
    known = {key: pools[0].get(key) or "unknown" for key in ("internal_api", "version", "architecture", "num_threads")}
    return "{internal_api} {version}, kernel {architecture}, threads {num_threads}".format(**known)


def threads(pools: Sequence[Mapping[str, Any]] | None, name: object) -> str:
    """Explain how many threads the BLAS is to use, by what it uses now and how long a product takes."""
    variable, count = threads_variable(name), pools[0].get("num_threads") if pools else None
    lines = []
    if isinstance(count, int) and count > 1:
        several, one = (milliseconds(*PRODUCT, threads) for threads in (count, 1))
        lines.append(
            f"a product (128, 784) @ (784, 128) takes {several:.2f} ms with {count} threads, {one:.2f} ms with one"
        )
        if count > usable():
            lines.append(f"they are more than the processors for this process: set {variable}={usable()}, or 1")
    elif count == 1:
        lines.append("one: right for small models, and where several programs share the processors")
    lines.append(
        f"several make large products faster on a quiet machine. But on a busy one they wait for each other, and "
        f"training takes many times as long: set {variable}=1 there, for small models, and for several trainings at "
        'a time (docs/watching.md, "A busy or big machine")'
    )
    return "\n".join(lines)


def extras(found: Mapping[str, Mapping[str, str | None]]) -> str:
    """Return a line for each extra: its name, what it is for, and its versions or the command that installs it."""
    lines = []
    for name, purpose in EXTRAS.items():
        versions = found.get(name, {})
        state = ", ".join(f"{package} {version}" for package, version in versions.items())
        state = state if len(state) < 30 else f"{len(versions)} packages, installed"
        missing = not versions or None in versions.values()
        lines.append(f"{name:<11} {purpose:<27} {pip_command(name, versions) if missing else state}")
    return "\n".join(lines)


def mnist() -> str:
    """Say where MNIST is, or where it was looked for and why it was not found there. Nothing is downloaded."""
    try:
        found = find_mnist(None, download=False)
    except (DataError, OSError) as error:
        return f"damaged or unreadable: {str(error).splitlines()[0]}"
    if isinstance(found, tuple):
        return f"{sum(len(split.X) for split in found[0]):,} images in {found[1]}"
    return "\n".join(["not found (mn.data.load_mnist() downloads it):", *found[:-1]])  # the last: no download wanted


def to_run(project: Path) -> str:
    """Say what else there is to run, with the examples in the project's folder, unless pip has installed minnet."""
    if not (project / "Makefile").is_file():
        where = "help(mn.Trainer) has a first training; the examples are in the project's folder, which pip leaves out"
        return "\n".join([*COMMANDS, where])
    lines = [
        *COMMANDS,
        "make mnist (an example), make test, make docs; make help lists all",
        "python examples/NAME.py --help:",
    ]
    for path in sorted(project.glob("examples/*.py")):
        text = path.read_text(encoding="utf-8")
        if "__main__" in text:
            about = (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
            lines.append(f"{path.stem:<21} {textwrap.shorten(about, 46, placeholder=' ...')}")
    return "\n".join(lines)


def report() -> str:
    """Return everything as text of 79 columns."""
    pools, built = loaded(), built_with()
    name = pools[0].get("internal_api") if pools else built.get("name")
    rows = {
        "versions": f"minnet {__version__}, Python {platform.python_version()}, NumPy {np.__version__}",
        "processor": processor(),
        "BLAS": blas(built, pools),
        "threads": threads(pools, name),
        "variables": ", ".join(f"{name}={os.environ[name]}" for name in VARIABLES if name in os.environ)
        or "none is set of those that steer the BLAS (docs/performance.md)",
        "extras": extras(packages()),
        "MNIST": mnist(),
        "to run": to_run(Path(__file__).parents[1]),
    }
    lines = [(name * (i == 0), line) for name, text in rows.items() for i, line in enumerate(text.split("\n"))]
    return "\n".join(
        textwrap.fill(line, 79, initial_indent=f"{name:<11}", subsequent_indent=" " * 13, break_on_hyphens=False)
        for name, line in lines
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    more = "It takes no arguments. It measures one matrix product, downloads nothing, and changes nothing."
    argparse.ArgumentParser(prog="python -m minnet", description=__doc__, epilog=more).parse_args(arguments)
    text, encoding = report(), sys.stdout.encoding or "utf-8"
    try:
        print(text.encode(encoding, "replace").decode(encoding), flush=True)
    except BrokenPipeError:  # of `python -m minnet | head`; at its end, Python would try to write the rest
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
