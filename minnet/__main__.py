"""``python -m minnet`` prints what minnet runs on: versions, processor, BLAS, extras, and where MNIST is."""

import argparse
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

from minnet.core.extras import EXTRAS, packages, pip_command, require
from minnet.data.mnist.dataset import find_mnist
from minnet.errors import DataError, MissingExtraError
from minnet.version import __version__

VARIABLES = (  # which a BLAS reads when it is loaded: the number of threads, and the kernel; the last is NumPy's
    *("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
    *("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "MKL_ENABLE_INSTRUCTIONS", "BLIS_ARCH_TYPE", "NPY_DISABLE_CPU_FEATURES"),
)


def processor() -> str:
    """Return the processor's name, as far as the system tells it, and the number of cores."""
    found, cores = None, os.cpu_count() or 1
    with suppress(OSError):  # only Linux has this file
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(errors="replace"), re.MULTILINE)
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    name = found[1] if found else platform.processor() or "unknown processor"
    return f"{name}, {platform.system()} {platform.machine()}; {usable} of {cores} cores for this process"


def blas(built: Mapping[str, Any], pools: Sequence[Mapping[str, Any]] | None) -> str:
    """Describe NumPy's BLAS: by ``numpy.show_config``, and by threadpoolctl unless `pools` is None."""
    name = " ".join(str(built[key]) for key in ("name", "version") if built.get(key, "unknown") != "unknown")
    if pools is None:
        return f"{name or 'unknown'}; to see its kernel and threads: pip install threadpoolctl"
    loaded = [pool for pool in pools if pool.get("user_api") == "blas"]
    for pool in sorted(loaded, key=lambda pool: "numpy" not in str(pool.get("filepath")))[:1]:  # SciPy has another
        known = {key: pool.get(key) or "unknown" for key in ("internal_api", "version", "architecture", "num_threads")}
        return "{internal_api} {version}, kernel {architecture}, threads {num_threads}".format(**known)
    return f"{name or 'unknown'}; threadpoolctl does not know its kernel and threads"


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


def report() -> str:
    """Return everything as text of 79 columns."""
    pools = None
    with suppress(MissingExtraError):
        pools = require("threadpoolctl", "threads").threadpool_info()
    config: dict[str, Any] = dict(np.show_config(mode="dicts") or {})
    rows = {
        "versions": f"minnet {__version__}, Python {platform.python_version()}, NumPy {np.__version__}",
        "processor": processor(),
        "BLAS": blas(config.get("Build Dependencies", {}).get("blas", {}), pools),
        "variables": ", ".join(f"{name}={os.environ[name]}" for name in VARIABLES if name in os.environ)
        or "none is set of those that steer the BLAS (docs/performance.md)",
        "extras": extras(packages()),
        "MNIST": mnist(),
        "to run": "make mnist (an example), make test, make docs; make help lists all",
    }
    lines = [(name * (i == 0), line) for name, text in rows.items() for i, line in enumerate(text.split("\n"))]
    return "\n".join(
        textwrap.fill(line, 79, initial_indent=f"{name:<11}", subsequent_indent=" " * 13, break_on_hyphens=False)
        for name, line in lines
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    argparse.ArgumentParser(prog="python -m minnet", description=__doc__).parse_args(arguments)
    text, encoding = report(), sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding))


if __name__ == "__main__":
    main()
