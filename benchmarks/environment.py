"""The environment is where it was measured: the machine, the libraries, and the variables that steer them."""

import os
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

STEERING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # choose OpenBLAS's code; a user's machine has none of them set
PINNED = {"OPENBLAS_CORETYPE": "Haswell"}
NOTED = "MINNET_BENCHMARK_UNSET"  # how a process tells the one that it becomes what was set
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
LIBRARIES = ("numpy", "torch", "jax", "jaxlib", "scikit-learn", "scipy", "threadpoolctl", "minnet-dl")


def settle(pinned: bool) -> None:
    """Start this program again, if need be, with OpenBLAS's variables unset, or pinned: they are read when it loads."""
    now = {name: os.environ[name] for name in STEERING if name in os.environ}
    if now == (PINNED if pinned else {}):
        return
    environment = {name: value for name, value in os.environ.items() if name not in STEERING}
    environment |= PINNED if pinned else {}
    environment[NOTED] = " ".join(f"{name}={value}" for name, value in now.items())
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, *sys.argv], environment)


def facts() -> dict[str, Any]:
    """Return what can be known of the environment, all of it JSON."""
    import numpy as np

    blas = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "libraries": {name: found for name in LIBRARIES if (found := _version(name))},
        "BLAS": " ".join(part for part in (blas.get("name"), blas.get("version")) if part),
        "BLAS pools": _pools(),
        "variables unset": os.environ.get(NOTED, ""),
        "variables": {name: os.environ[name] for name in (*STEERING, *THREADS) if name in os.environ},
    }


def load() -> float | None:
    """Return how many processes wanted to run, on average over the last minute."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def in_words(facts: dict[str, Any]) -> list[str]:
    """Return the facts as lines."""
    lines = [
        f"{facts['date']}, {facts['processor']}, {facts['cores']} cores, {facts['system']}",
        f"Python {facts['Python']}, " + ", ".join(f"{name} {found}" for name, found in facts["libraries"].items()),
        f"NumPy's BLAS: {facts['BLAS']}" + "".join(f"; {pool}" for pool in facts["BLAS pools"]),
    ]
    if facts["variables"]:
        lines.append("set: " + ", ".join(f"{name}={value}" for name, value in facts["variables"].items()))
    if facts["variables unset"]:
        lines.append(f"started again without: {facts['variables unset']}")
    return lines


def _pools() -> list[str]:
    """Return what threadpoolctl knows of NumPy's BLAS: which code it chose, and how many threads."""
    try:
        import threadpoolctl
    except ModuleNotFoundError:
        return []
    return [
        f"{pool['internal_api']} {pool['version']}, {pool.get('architecture', 'unknown')} kernels, "
        f"{pool['num_threads']} threads"
        for pool in threadpoolctl.threadpool_info()
        if pool["user_api"] == "blas" and "numpy" in str(pool.get("filepath"))
    ]


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown processor"
