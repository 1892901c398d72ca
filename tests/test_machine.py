"""A machine is described as far as it can be, and what cannot be known is None."""

import json
import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import minnet
from minnet import machine

FACTS = {
    "system": "Linux x86_64",
    "cores": 8,
    "quota": None,
    "extensions": ["X86_V2", "X86_V3", "X86_V4"],
    "library": "openblas",
    "kernel": "SkylakeX",
    "threads": 8,
    "threading": "pthreads",
    "variables": {},
}


@pytest.fixture
def pools(monkeypatch):
    """Let threadpoolctl report what a test says."""
    shown = []
    fake = SimpleNamespace(threadpool_info=lambda: shown, __version__="3.5.0")
    monkeypatch.setitem(sys.modules, "threadpoolctl", fake)
    return shown


def test_facts_of_this_machine():
    known = machine.facts()
    assert known["numpy"] == np.__version__
    assert known["minnet"] == minnet.__version__
    assert 1 <= known["cores"] <= known["all_cores"]
    assert json.loads(json.dumps(known)) == known


def test_the_variables_that_are_set(monkeypatch):
    for name in (*machine.THREADS, *machine.KERNELS):
        monkeypatch.delenv(name, raising=False)
    assert machine.facts()["variables"] == {}
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    before = dict(os.environ)
    assert machine.facts()["variables"] == {"OMP_NUM_THREADS": "3", "OPENBLAS_CORETYPE": "Haswell"}
    assert dict(os.environ) == before


def test_a_system_that_tells_little(monkeypatch):
    monkeypatch.setattr(np, "show_config", lambda mode: None)
    monkeypatch.setattr(machine.Path, "read_text", lambda *_, **__: (_ for _ in ()).throw(OSError))
    monkeypatch.setattr(machine.platform, "processor", lambda: "")
    monkeypatch.setattr(machine.platform, "system", lambda: "")
    monkeypatch.setattr(machine.platform, "machine", lambda: "")
    monkeypatch.setattr(machine.os, "cpu_count", lambda: None)
    monkeypatch.delattr(machine.os, "sched_getaffinity", raising=False)
    monkeypatch.delattr(machine.os, "getloadavg", raising=False)
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    known = machine.facts()
    assert (known["cores"], known["all_cores"], known["extensions"]) == (1, 1, [])
    unknown = ("processor", "system", "quota", "load", "blas", "library", "kernel", "threads", "threadpoolctl")
    assert {known[name] for name in unknown} == {None}


@pytest.mark.parametrize(
    ("built", "blas", "library"),
    [
        ({"name": "scipy-openblas", "version": "0.3.31", "found": True}, "scipy-openblas 0.3.31", "openblas"),
        ({"name": "mkl-sdl", "version": "2023.1", "found": True}, "mkl-sdl 2023.1", "mkl"),
        ({"name": "blis", "version": "1.0"}, "blis 1.0", "blis"),
        ({"name": "accelerate", "version": "unknown", "found": True}, "accelerate", "accelerate"),
        ({"name": "blas", "version": "3.12.0", "found": True}, "blas 3.12.0", None),
        ({"name": "none", "found": False}, None, None),
        ({}, None, None),
    ],
)
def test_blas_by_what_numpy_was_built_with(monkeypatch, built, blas, library):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    known = machine.blas(built)
    assert (known["blas"], known["library"]) == (blas, library)
    assert known["kernel"] is known["threads"] is known["threading"] is known["threadpoolctl"] is None


def test_blas_by_its_own_account(pools):
    pools += [
        {"user_api": "openmp", "internal_api": "openmp", "num_threads": 4, "filepath": "libgomp.so"},
        {"user_api": "blas", "internal_api": "mkl", "num_threads": 3, "filepath": "/other/libmkl_rt.so"},
        {
            "user_api": "blas",
            "internal_api": "openblas",
            "num_threads": 2,
            "filepath": "/numpy.libs/libopenblas.so",
            "architecture": "Zen",
            "threading_layer": "pthreads",
            "version": "0.3.20",
        },
    ]
    assert machine.blas({"name": "blas", "version": "3.9.0"}) == {
        "blas": "openblas 0.3.20",
        "library": "openblas",
        "kernel": "Zen",
        "threads": 2,
        "threading": "pthreads",
        "threadpoolctl": "3.5.0",
    }
    assert machine.blas({"name": "scipy-openblas", "version": "0.3.31.1"})["blas"] == "scipy-openblas 0.3.31.1"


def test_a_blas_that_threadpoolctl_does_not_know(pools):
    known = machine.blas({"name": "accelerate", "version": "unknown"})
    assert (known["library"], known["threads"], known["threadpoolctl"]) == ("accelerate", None, "3.5.0")


def groups(folder, own, files):
    """Lay out control groups in a folder, and the file that says in which of them a process is."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "own").write_text(own)
    return machine.quota(folder, folder / "own")


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/a/b\n", {"cpu.max": "max 100000\n", "a/cpu.max": "50000 100000\n", "a/b/cpu.max": "200000 100000"}, 0.5),
        ("0::/not/shown\n", {"cpu.max": "300000 100000\n"}, 3.0),
        ("0::/a\n", {"a/cpu.max": "nonsense"}, None),
        (
            "2:cpu,cpuacct:/a\n1:memory:/b\n",
            {"cpu/a/cpu.cfs_quota_us": "400000", "cpu/a/cpu.cfs_period_us": "100000"},
            4.0,
        ),
        ("2:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ("2:cpu:/\n", {"cpu/cpu.cfs_quota_us": "100\n", "cpu/cpu.cfs_period_us": "0\n"}, None),
        ("", {}, None),
    ],
)
def test_quota(tmp_path, own, files, expected):
    assert groups(tmp_path, own, files) == expected


def test_no_control_groups(tmp_path):
    assert machine.quota(tmp_path, tmp_path / "missing") is None


@pytest.mark.parametrize(("cores", "quota", "expected"), [(8, None, 8), (8, 2.5, 2), (8, 0.2, 1), (2, 64.0, 2)])
def test_usable(cores, quota, expected):
    assert machine.usable(FACTS | {"cores": cores, "quota": quota}) == expected


@pytest.mark.parametrize(
    ("library", "threading", "expected"),
    [
        ("openblas", "pthreads", "OPENBLAS_NUM_THREADS"),
        ("openblas", "openmp", "OMP_NUM_THREADS"),
        ("mkl", "intel", "MKL_NUM_THREADS"),
        ("blis", None, "BLIS_NUM_THREADS"),
        ("accelerate", None, "VECLIB_MAXIMUM_THREADS"),
        (None, None, "OMP_NUM_THREADS"),
        ("flexiblas", None, "OMP_NUM_THREADS"),
    ],
)
def test_thread_variable(library, threading, expected):
    assert machine.thread_variable(FACTS | {"library": library, "threading": threading}) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, ["1 thread", "kernel Haswell"]),
        ({"threads": 1}, ["kernel Haswell"]),
        ({"threads": None}, ["1 thread", "kernel Haswell"]),
        ({"threads": None, "cores": 1}, ["kernel Haswell"]),
        ({"quota": 3.5}, ["1 thread", "3 threads", "kernel Haswell"]),
        ({"quota": 1.5}, ["1 thread", "kernel Haswell"]),
        ({"kernel": "Haswell"}, ["1 thread", "kernel SkylakeX"]),
        ({"kernel": "Zen"}, ["1 thread", "kernel SkylakeX"]),
        ({"kernel": "Cooperlake"}, ["1 thread", "kernel SkylakeX", "kernel Haswell"]),
        ({"kernel": None}, ["1 thread", "kernel SkylakeX", "kernel Haswell"]),
        ({"kernel": "Haswell", "extensions": ["X86_V2", "X86_V3"]}, ["1 thread"]),
        ({"kernel": "Sandybridge", "extensions": ["AVX2", "FMA3"]}, ["1 thread", "kernel Haswell"]),
        ({"extensions": ["AVX2"]}, ["1 thread"]),
        ({"kernel": "Haswell", "extensions": ["AVX512_SKX"]}, ["1 thread", "kernel SkylakeX"]),
        ({"system": "Windows AMD64"}, ["1 thread", "kernel Haswell"]),
        ({"system": "Linux aarch64"}, ["1 thread"]),
        ({"library": "mkl"}, ["1 thread"]),
        ({"variables": {"OPENBLAS_CORETYPE": "Zen"}}, ["1 thread", "kernel unset"]),
        (
            {"variables": {"OMP_NUM_THREADS": "4", "OPENBLAS_L2_SIZE": "512"}},
            ["1 thread", "threads unset", "kernel unset"],
        ),
        (
            {"quota": 2.0, "variables": {"OMP_NUM_THREADS": "4", "OPENBLAS_L2_SIZE": "512"}},
            ["1 thread", "2 threads", "threads unset"],  # and no more
        ),
    ],
)
def test_variants(facts, expected):
    found = machine.variants(FACTS | facts)
    assert list(found) == ["as is", "again", *expected]
    assert found["as is"] == found["again"] == {}


def test_what_variants_change():
    found = machine.variants(FACTS | {"variables": {"OMP_NUM_THREADS": "4", "OPENBLAS_L2_SIZE": "512"}})
    assert set(found["1 thread"].values()) == {"1"}
    assert {"OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"} <= found["1 thread"].keys()
    assert found["threads unset"] == {"OMP_NUM_THREADS": None}
    assert found["kernel unset"] == {"OPENBLAS_L2_SIZE": None}
    assert machine.variants(FACTS)["kernel Haswell"] == {"OPENBLAS_CORETYPE": "Haswell"}
