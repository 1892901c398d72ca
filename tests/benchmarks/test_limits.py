"""The limits of a step are products of the shapes that the step has."""

import numpy as np
import pytest

FLOPS = {  # of a work's products, in closed form
    "W1": 2 * 2 * 128 * 784 * 10,
    "W3": 2 * 128 * (2 * 784 * 128 + 3 * 128 * 10),
    "W4": 2 * 128 * (2 * 784 * 1024 + 3 * 1024 * 1024 + 3 * 1024 * 10),
    "W5": 2 * 128 * (2 * 784 * 9 * 16 + 3 * 196 * 9 * 16 * 32 + 3 * 49 * 32 * 10),
    "L": 2 * 64 * (64 * 512 * (2 * 157 + 128) + 3 * 128 * 10),
    "T": 2 * 32 * 64 * (2 * (3 * (4 * 128 * 128 + 2 * 128 * 256) + 6 * 64 * 128) + 3 * 128 * 10),
}


@pytest.mark.parametrize("key", FLOPS)
def test_the_products_of_a_work_have_its_arithmetic(script, key):
    limits, work = script("limits"), script("works").WORKS[key]
    products = list(limits.PRODUCTS[work.model](work))
    flops = sum(2 * p.M * p.K * p.N * p.times * max(p.stack, 1) for p in products)
    assert flops == FLOPS[key]
    halves = sum(2 * p.M * p.K * p.N * p.times * max(p.stack, 1) for p in (p.half() for p in products))
    assert 2 * halves == flops


@pytest.mark.parametrize("form", ["nn", "tn", "nt"])
@pytest.mark.parametrize("stack", [0, 3])
def test_a_form_says_which_matrix_is_a_transposed_view(script, form, stack):
    product = script("limits").Product(4, 5, 6, form, stack=stack)
    a, b, out = product.arrays(np.random.default_rng(0))
    assert np.matmul(a, b, out) is out
    assert out.shape == ((stack,) if stack else ()) + (4, 6)
    assert a[0].T.flags.c_contiguous if form[0] == "t" and stack else a.flags.c_contiguous == (form[0] == "n")
    assert b[0].T.flags.c_contiguous if form[1] == "t" and stack else b.flags.c_contiguous == (form[1] == "n")


def test_a_limit_runs_and_needs_no_other_library_than_numpy(script, monkeypatch):
    limits, work = script("limits"), script("works").WORKS["W1"]
    remarks = []
    monkeypatch.setattr(limits, "rival", lambda name, remark: remark("PyTorch is not installed: left out"))
    for limit in limits.contenders(work, [7840, 10], remarks.append):
        limit.run(2)
        assert limit.name.startswith(limits.PREFIX)
    assert "PyTorch is not installed: left out" in remarks
