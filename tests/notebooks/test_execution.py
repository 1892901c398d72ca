"""Every lesson runs in a kernel, on real MNIST and on synthetic digits, and shows pictures."""

import re

import numpy as np
import pytest
from notebooks import LESSONS, build, code_cells, errors, execute, mnist_or_skip, name_of, pictures, text

pytestmark = pytest.mark.slow
G1 = [1.11201478e-03, 2.32129668e-06, 3.47186834e-03, 3.64416088e-03, 9.89922844e-01]
G1 += [3.83462031e-04, 4.67890738e-09, 3.02581069e-04, 1.11720864e-07, 1.16063080e-03]
NUMBER = r"-?\d+\.\d*(?:e[-+]\d+)?"


@pytest.fixture(scope="module", params=LESSONS, ids=name_of)
def source(request):
    return request.param


@pytest.fixture(scope="module")
def synthetic(source, tmp_path_factory):
    """Return a lesson, executed where there is no MNIST."""
    return execute(build.read(source), tmp_path_factory.mktemp("synthetic"))


@pytest.fixture(scope="module")
def real(source, tmp_path_factory):
    """Return a lesson, executed on real MNIST."""
    return execute(build.read(source), tmp_path_factory.mktemp("real"), mnist=mnist_or_skip())


def says_mnist(book):
    """Whether the first cell that says which digits there are says that they are real ones."""
    said = next(text(cell) for cell in code_cells(book) if "MNIST" in text(cell) or "ynthetic" in text(cell))
    return "ynthetic" not in said and "合成" not in said


def printed(book, code):
    """Return the numbers that the first cell with this line of code printed."""
    cell = next(cell for cell in code_cells(book) if code in cell.source)
    return np.array(re.findall(NUMBER, text(cell)), float)


def check_the_figures(book):
    """Check G1 to G4 and G6: exact, whatever the digits are."""
    np.testing.assert_allclose(printed(book, "print(Pr)"), G1, rtol=1e-8)
    loss, after = (printed(book, line) for line in ("cross_entropy = mn.CrossEntropyLoss()", "optimizer = mn.SGD"))
    assert loss == pytest.approx([7.8662699474374271], abs=1e-8)
    assert after == pytest.approx([0.0026163360947788227], abs=1e-8)
    gradient = np.array(G1)
    gradient[5] = -9.99616538e-01
    np.testing.assert_allclose(printed(book, "print(linear.bias.grad)"), gradient, rtol=1e-8)
    cell = next(cell for cell in code_cells(book) if "print(linear.bias.grad)" in cell.source)
    assert "(10,) (784,) (784, 10)" in text(cell)


def test_on_synthetic_digits(source, synthetic):
    assert pictures(synthetic) > 0
    for cell in code_cells(synthetic):
        assert bool(errors(cell)) == ("raises-exception" in cell.metadata.get("tags", [])), cell.source
    assert not says_mnist(synthetic)
    if source.stem == "softmax_regression":
        check_the_figures(synthetic)


def test_on_real_mnist(source, real):
    assert pictures(real) > 0
    assert says_mnist(real)
    if source.stem == "softmax_regression":
        check_the_figures(real)
