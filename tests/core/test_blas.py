"""Which BLAS NumPy uses, and which variable sets its threads."""

import sys

import numpy as np
import pytest

from minnet.core import blas

NUMPYS = {"user_api": "blas", "internal_api": "openblas", "num_threads": 2, "filepath": "/numpy.libs/libopenblas.so"}


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("scipy-openblas", "OPENBLAS_NUM_THREADS"),
        ("mkl-sdl", "MKL_NUM_THREADS"),
        ("BLIS", "BLIS_NUM_THREADS"),
        ("accelerate", "VECLIB_MAXIMUM_THREADS"),
        ("cblas", "OMP_NUM_THREADS"),
        (None, "OMP_NUM_THREADS"),
    ],
)
def test_the_variable_of_a_blas(name, variable):
    assert blas.threads_variable(name) == variable


@pytest.mark.parametrize(
    ("config", "name"), [({"Build Dependencies": {"blas": {"name": "mkl"}}}, "mkl"), ({}, None), (None, None)]
)
def test_what_numpy_was_built_with(config, name, monkeypatch):
    monkeypatch.setattr(np, "show_config", lambda mode: config)
    assert blas.built_with().get("name") == name


def test_numpys_comes_first(monkeypatch):
    class Threadpoolctl:
        @staticmethod
        def threadpool_info():
            openmp = {"user_api": "openmp", "filepath": "libgomp.so"}
            return [openmp, NUMPYS | {"filepath": "/scipy.libs/libopenblas.so"}, NUMPYS]

    monkeypatch.setitem(sys.modules, "threadpoolctl", Threadpoolctl)
    assert [pool["filepath"][:6] for pool in blas.loaded()] == ["/numpy", "/scipy"]


def test_without_threadpoolctl_nothing_is_known(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    assert blas.loaded() is None


def test_a_product_is_measured_with_a_number_of_threads_that_is_restored():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    before = threadpoolctl.threadpool_info()
    assert blas.milliseconds(8, 16, 4, threads=1) > 0
    assert threadpoolctl.threadpool_info() == before
