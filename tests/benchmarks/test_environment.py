"""A program is restarted with the variables that limit libraries to AVX2, or without them, but only once."""

import os

import pytest


@pytest.fixture
def settled(script, monkeypatch):
    """Return what settles, and returns the variables with which the program was restarted; None if it was not."""
    environment, found = script("environment"), []
    monkeypatch.setattr(os, "execve", lambda path, arguments, variables: found.append(variables))
    for name in environment.STEERING:
        monkeypatch.delenv(name, raising=False)

    def settle(avx2):
        environment.settle(avx2)
        return found.pop() if found else None

    return settle


def test_a_program_without_variables_goes_on(settled):
    assert settled(avx2=False) is None


def test_variables_are_unset_and_noted(settled, monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    variables = settled(avx2=False)
    assert "OPENBLAS_CORETYPE" not in variables
    assert variables["MINNET_BENCHMARK_UNSET"] == "OPENBLAS_CORETYPE=Haswell"


def test_a_restarted_program_goes_on(script, settled, monkeypatch):
    from numpy._core import _multiarray_umath as umath

    monkeypatch.setattr(umath, "__cpu_dispatch__", ["AVX2", "X86_V3", "X86_V4", "AVX512_ICL", "AVX512_SPR"])
    features = {"AVX2": True, "X86_V3": True, "X86_V4": True, "AVX512_ICL": True, "AVX512_SPR": False}
    monkeypatch.setattr(umath, "__cpu_features__", features)
    variables = settled(avx2=True)
    assert variables["NPY_DISABLE_CPU_FEATURES"] == "X86_V4 AVX512_ICL"
    assert script("environment").AVX2.items() <= variables.items()
    for name in script("environment").STEERING:
        if name in variables:
            monkeypatch.setenv(name, variables[name])
    features |= {"X86_V4": False, "AVX512_ICL": False}
    assert settled(avx2=True) is None


def test_the_line_of_a_limited_program_has_names_only(script, monkeypatch):
    environment = script("environment")
    for name, value in (environment.AVX2 | {"OMP_NUM_THREADS": "1"}).items():
        monkeypatch.setenv(name, value)
    lines = environment.in_words(environment.facts())
    assert f"limited to AVX2 by {', '.join(environment.AVX2)}" in [line.partition(", NPY")[0] for line in lines]
    assert any(line.startswith("set: ") and "OMP_NUM_THREADS=1" in line for line in lines)


@pytest.mark.parametrize(
    ("processor", "name"),
    [("AMD EPYC", "AMD"), ("11th Gen Intel(R) Core(TM) i5", "Intel"), ("Apple M2", "Apple"), ("aarch64", "aarch64")],
)
def test_results_are_stored_under_the_vendor_s_name(script, monkeypatch, processor, name):
    monkeypatch.setattr(script("environment"), "_processor", lambda: processor)
    assert script("environment").vendor() == name
