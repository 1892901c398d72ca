import numpy as np
import pytest

import minnet as mn

TWINS = pytest.importorskip("minnet.compiled.twins.losses", exc_type=ImportError).TWINS
twin = TWINS[mn.SoftmaxCrossEntropyLoss.forward.formula]
Z = (5 * np.random.default_rng(0).standard_normal((60, 50))).astype(np.float32)
LABELS = np.arange(60) % 50


@pytest.mark.parametrize(
    "options", [{}, {"reduction": "none"}, {"ignore_index": 3}, {"weight": np.arange(50)}], ids=str
)
@pytest.mark.parametrize("z", [Z, np.asfortranarray(Z)], ids=["rows", "columns"])
def test_value_and_gradient_are_those_of_float64(z, options):
    loss = mn.SoftmaxCrossEntropyLoss(**options)
    expected = loss.forward(z.astype(np.float64), LABELS)
    dy = np.ones(60) if "reduction" in options else None
    gradient = loss.backward(dy)
    np.testing.assert_allclose(twin(loss, z, LABELS), expected, rtol=1e-6)
    np.testing.assert_allclose(loss.backward(None if dy is None else dy.astype("f")), gradient, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_scores_that_are_not_finite(number):
    z = Z.copy()
    z[7, 8] = number
    with pytest.raises(mn.errors.NonFiniteError, match="diverged"):
        twin(mn.SoftmaxCrossEntropyLoss(), z, LABELS)


def test_a_label_out_of_range():
    with pytest.raises(ValueError, match="50"):
        twin(mn.SoftmaxCrossEntropyLoss(), Z, LABELS + 1)
