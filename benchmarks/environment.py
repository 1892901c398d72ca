"""The environment of a measurement: the machine, the libraries, and the environment variables that they read."""

import os
import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

STEERING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # they choose OpenBLAS's code; most users set none of them
PINNED = {"OPENBLAS_CORETYPE": "Haswell"}
NOTED = "MINNET_BENCHMARK_UNSET"  # in which the restarted program finds what was set before
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
LIBRARIES = ("numpy", "torch", "jax", "jaxlib", "scikit-learn", "scipy", "threadpoolctl", "minnet-dl")


def settle(pinned: bool) -> None:
    """Restart this program with OpenBLAS's variables unset, or pinned, because they are read when it is loaded."""
    now = {name: os.environ[name] for name in STEERING if name in os.environ}
    if now == (PINNED if pinned else {}):
        return
    environment = {name: value for name, value in os.environ.items() if name not in STEERING}
    environment |= PINNED if pinned else {}
    environment[NOTED] = " ".join(f"{name}={value}" for name, value in now.items())
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, *sys.argv], environment)


def facts(before: Path | None = None) -> dict[str, Any]:
    """Return the facts about the environment, as JSON can hold them; `before` is a checkout of another commit."""
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
        "before": commit(before) if before else "",
        "variables unset": os.environ.get(NOTED, ""),
        "variables": {name: os.environ[name] for name in (*STEERING, *THREADS) if name in os.environ},
    }


def load() -> float | None:
    """Return the load average of the last minute; None if the system has none."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def commit(folder: Path) -> str:
    """Return the abbreviated hash and the date of the commit that is checked out in a folder; without Git, its name."""
    try:
        command = ["git", "-C", str(folder), "log", "-1", "--format=%h of %cs"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return folder.name


def in_words(facts: dict[str, Any]) -> list[str]:
    """Return the facts as lines."""
    lines = [
        f"{facts['date']}, {facts['processor']}, {facts['cores']} cores, {facts['system']}",
        f"Python {facts['Python']}, " + ", ".join(f"{name} {found}" for name, found in facts["libraries"].items()),
        f"NumPy's BLAS: {facts['BLAS']}" + "".join(f"; {pool}" for pool in facts["BLAS pools"]),
    ]
    if facts.get("before"):
        lines.append(f"before: the commit {facts['before']}")
    if facts["variables"]:
        lines.append("set: " + ", ".join(f"{name}={value}" for name, value in facts["variables"].items()))
    if facts["variables unset"]:
        lines.append(f"started again without: {facts['variables unset']}")
    return lines


def _pools() -> list[str]:
    """Return which code NumPy's BLAS chose, and how many threads, as threadpoolctl reports it."""
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
