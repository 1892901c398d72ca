"""A machine is what minnet computes on: its processor, the BLAS that NumPy calls, and the variables that steer it."""

import math
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from minnet.core.extras import require
from minnet.errors import MissingExtraError

Facts = dict[str, Any]
Variants = dict[str, dict[str, str | None]]

THREADS = (  # how many threads a product may take; the first that its BLAS knows counts
    "OPENBLAS_NUM_THREADS",
    "OPENBLAS_DEFAULT_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
KERNELS = (  # with which code it is computed
    "OPENBLAS_CORETYPE",
    "OPENBLAS_L2_SIZE",
    "MKL_ENABLE_INSTRUCTIONS",
    "MKL_CBWR",
    "BLIS_ARCH_TYPE",
    "NPY_DISABLE_CPU_FEATURES",
)
LIBRARIES = {"openblas": "OPENBLAS", "mkl": "MKL", "blis": "BLIS", "accelerate": "VECLIB"}
MOST = 5  # variants: more take too long, and their columns do not fit a terminal


def facts() -> Facts:
    """Return what can be known of the machine without measuring; what cannot is None.

    Returns
    -------
    dict
        All of it JSON: ``minnet``, ``python``, ``numpy``, ``threadpoolctl`` (versions), ``system``,
        ``processor``, ``cores`` (that this process may use) of ``all_cores``, ``quota`` (of CPU time, in
        cores), ``load`` (the average of the last minute), ``extensions`` (NumPy's names of what the
        processor can do), ``blas`` (what NumPy was built with), ``library`` ("openblas", "mkl", …),
        ``kernel``, ``threads``, ``threading``, and ``variables`` (those set).
    """
    cores = os.cpu_count() or 1
    config: dict[str, Any] = dict(np.show_config(mode="dicts") or {})
    simd = config.get("SIMD Extensions", {})
    return {
        "minnet": sys.modules["minnet"].__version__,  # there since this module's own import
        "python": platform.python_version(),
        "numpy": np.__version__,
        "system": f"{platform.system()} {platform.machine()}".strip() or None,
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores,
        "all_cores": cores,
        "quota": quota(),
        "load": _load(),
        "extensions": [*simd.get("baseline", ()), *simd.get("found", ())],
        **blas(config.get("Build Dependencies", {}).get("blas", {})),
        "variables": {name: os.environ[name] for name in (*THREADS, *KERNELS) if name in os.environ},
    }


def blas(built: dict[str, Any]) -> Facts:
    """Return what is known of NumPy's BLAS: by its own account where threadpoolctl is installed.

    Parameters
    ----------
    built
        What ``numpy.show_config`` says of it: its name and version when NumPy was built.
    """
    name, version = built.get("name"), built.get("version")
    known = [part for part in (name, version) if part and part != "unknown"]
    found: Facts = {
        "blas": " ".join(known) if built.get("found", known) else None,
        "library": next((library for library in LIBRARIES if library in str(name).lower()), None),
        "kernel": None,
        "threads": None,
        "threading": None,
        "threadpoolctl": None,
    }
    try:
        threadpoolctl = require("threadpoolctl", "threads")
    except MissingExtraError:
        return found
    found["threadpoolctl"] = threadpoolctl.__version__
    pools = [pool for pool in threadpoolctl.threadpool_info() if pool.get("user_api") == "blas"]
    # NumPy's own comes first: another package's may be loaded, too.
    pools.sort(key=lambda pool: "numpy" not in str(pool.get("filepath")))
    for pool in pools[:1]:
        found["library"] = pool.get("internal_api")
        found["kernel"] = pool.get("architecture")
        found["threads"] = pool.get("num_threads")
        found["threading"] = pool.get("threading_layer")
        if not found["blas"] or name == "blas":  # "blas" is a name under which one of many is loaded
            found["blas"] = f"{pool.get('internal_api')} {pool.get('version') or ''}".strip()
    return found


def quota(
    root: Path = Path("/sys/fs/cgroup"),
    own: Path = Path("/proc/self/cgroup"),
) -> float | None:
    """Return how many cores' worth of time this process's control groups allow it; None for no limit, or no answer.

    Parameters
    ----------
    root
        Where Linux shows the control groups, of either version.
    own
        The file that says in which of them this process is.
    """
    limits = []
    try:
        rows = [line.split(":", 2) for line in own.read_text().splitlines()]
    except OSError:
        return None
    for _, controllers, path in rows:
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = root / "cpu" if controllers else root
        # A container may see its own group as the root, so a group that is not there is passed over.
        here = top / path.lstrip("/")
        for group in (here, *here.parents):
            limits.append(_limit(group))
            if group == top:
                break
    return min((limit for limit in limits if limit), default=None)


def usable(facts: Facts) -> int:
    """Return how many threads can run at the same time."""
    cores: int = facts["cores"]
    return cores if facts["quota"] is None else max(1, min(cores, math.floor(facts["quota"])))


def thread_variable(facts: Facts) -> str:
    """Return the name of the variable that sets the number of threads of this machine's BLAS."""
    if facts["threading"] == "openmp" or facts["library"] not in LIBRARIES:
        return "OMP_NUM_THREADS"
    prefix = LIBRARIES[facts["library"]]
    return f"{prefix}_MAXIMUM_THREADS" if prefix == "VECLIB" else f"{prefix}_NUM_THREADS"


def variants(facts: Facts) -> Variants:
    """Return the environments worth comparing on this machine: name → variables to set, or (None) to unset.

    Parameters
    ----------
    facts
        As from `facts`.

    Returns
    -------
    dict
        First "as is", which changes nothing, and "again", which does not either: what differs between the two
        is noise. Then, where they would be something else, "1 thread" and as many as can run at the same time;
        "threads unset" and "kernel unset" if variables are set; "kernel NAME" for what else the processor can
        run, if it is up to OpenBLAS on x86-64. Five at most.
    """
    threads, most = facts["threads"] or facts["cores"], usable(facts)
    found: Variants = {"as is": {}, "again": {}}
    if threads != 1:
        found["1 thread"] = dict.fromkeys(THREADS, "1")
    if threads > most > 1:
        found[f"{most} threads"] = dict.fromkeys(THREADS, str(most))
    if set_threads := [name for name in THREADS if name in facts["variables"]]:
        found["threads unset"] = dict.fromkeys(set_threads)
    if set_kernels := [name for name in KERNELS if name in facts["variables"]]:
        found["kernel unset"] = dict.fromkeys(set_kernels)
    else:
        found |= {f"kernel {name}": {"OPENBLAS_CORETYPE": name} for name in kernels(facts)}
    return dict(list(found.items())[:MOST])


def kernels(facts: Facts) -> list[str]:
    """Return the kernels of OpenBLAS that this processor can run, without the one that is in use.

    They are chosen when the library is loaded. One that the processor cannot run kills the process. Zen is none of
    its own: its products in float32 are Haswell's (OpenBLAS, kernel/x86_64/KERNEL.ZEN).
    """
    if facts["library"] != "openblas" or not str(facts["system"]).lower().endswith(("x86_64", "amd64")):
        return []
    can, used = set(facts["extensions"]), str(facts["kernel"]).lower()
    names = []
    if "X86_V4" in can or "AVX512_SKX" in can:  # NumPy's names, since 2.4 and before
        names.append("SkylakeX")
    if "X86_V3" in can or {"AVX2", "FMA3"} <= can:
        names.append("Haswell")
    return [name for name in names if name.lower() != used.replace("zen", "haswell")]


def _load() -> float | None:
    try:
        return round(os.getloadavg()[0], 1)
    except (AttributeError, OSError):  # Windows has none
        return None


def _processor() -> str | None:
    """Return the processor's name, for which each system has another place."""
    if sys.platform == "darwin":
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        try:
            return subprocess.run(command, capture_output=True, text=True, timeout=2, check=True).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            return platform.processor() or None
    try:
        rows = [line.partition(":") for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines()]
    except OSError:
        rows = []
    named = (value.strip() for key, _, value in rows if key.strip() in ("model name", "Model"))
    return next(named, None) or platform.processor() or None


def _limit(group: Path) -> float | None:
    """Return the limit of one control group, in cores."""
    try:
        if (group / "cpu.max").exists():
            allowed, period = (group / "cpu.max").read_text().split()
        else:
            allowed = (group / "cpu.cfs_quota_us").read_text()
            period = (group / "cpu.cfs_period_us").read_text()
        return int(allowed) / int(period) if int(allowed) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):  # not there, or "max"
        return None
