"""The environment of a measurement: the machine, the libraries, and the environment variables that they read."""

import os
import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

AVX2 = {  # as on a processor without AVX-512
    "OPENBLAS_CORETYPE": "Haswell",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",  # PyTorch's products
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # PyTorch's convolutions
    "ATEN_CPU_CAPABILITY": "avx2",  # PyTorch's own loops
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",  # JAX's own loops; its products are YNNPACK's, which no variable limits
    "NUMBA_CPU_NAME": "haswell",
    "NUMBA_CPU_FEATURES": "",  # none beyond that name; if it is not set, Numba adds those of this processor
}
NUMPY = "NPY_DISABLE_CPU_FEATURES"
STEERING = (*AVX2, NUMPY, "OPENBLAS_L2_SIZE")  # they choose code for the processor; most users set none of them
VENDORS = ("AMD", "Intel", "Apple")
NOTED = "MINNET_BENCHMARK_UNSET"  # in which the restarted program finds what was set before
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
LIBRARIES = ("numpy", "torch", "jax", "jaxlib", "scikit-learn", "scipy", "threadpoolctl", "minnet-dl")


def settle(avx2: bool) -> None:
    """Restart this program with libraries limited to AVX2, or not, because they read the variables when they load."""
    now = {name: os.environ[name] for name in STEERING if name in os.environ}
    wanted = AVX2 | {NUMPY: _beyond_avx2()} if avx2 else {}
    if now == wanted:
        return
    environment = {name: value for name, value in os.environ.items() if name not in STEERING}
    environment |= wanted
    environment[NOTED] = " ".join(f"{name}={value}" for name, value in now.items())
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, *sys.argv], environment)


def vendor() -> str:
    """Return who made the processor: under this name, its results are stored."""
    processor = _processor()
    return next((name for name in VENDORS if name in processor), processor)


def facts(before: Path | None = None) -> dict[str, Any]:
    """Return the facts about the environment, as JSON can hold them; `before` is a checkout of another commit."""
    import numpy as np

    blas = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": _processor(),
        "AVX-512": "avx512f" in _cpuinfo("flags"),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "libraries": {name: found for name in LIBRARIES if (found := _version(name))},
        "BLAS": " ".join(part for part in (blas.get("name"), blas.get("version")) if part),
        "BLAS pools": _pools(),
        "minnet": commit(Path(__file__).parent),
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
    if facts.get("minnet"):
        lines.append(f"minnet: the commit {facts['minnet']}")
    if facts.get("before"):
        lines.append(f"before: the commit {facts['before']}")
    limits = [name for name in facts["variables"] if name in (*AVX2, NUMPY)]
    if limits:
        lines.append("limited to AVX2 by " + ", ".join(limits))
    if others := [f"{name}={value}" for name, value in facts["variables"].items() if name not in limits]:
        lines.append("set: " + ", ".join(others))
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
    return _cpuinfo("model name").replace("(R)", "") or platform.processor() or "unknown processor"


def _cpuinfo(name: str) -> str:
    """Return what Linux says of the processor under a name; without Linux, nothing."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


def _beyond_avx2() -> str:
    """Return the names under which NumPy has code with AVX-512 for this processor, also if it is disabled already."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    names = [name for name in __cpu_dispatch__ if name == "X86_V4" or name.startswith("AVX512")]
    disabled = os.environ.get(NUMPY, "").replace(",", " ").split()
    return " ".join(name for name in names if __cpu_features__[name] or name in disabled)
