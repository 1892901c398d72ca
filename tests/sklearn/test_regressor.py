"""A Regressor learns quantities in their own units."""

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.datasets import load_diabetes

import minnet as mn

Regressor = mn.sklearn.Regressor
X, y = load_diabetes(return_X_y=True)


def quick(**options):
    """Return a Regressor that learns in few steps."""
    return Regressor(
        **{"hidden_layer_sizes": (8,), "learning_rate_init": 0.02, "max_iter": 40, "random_state": 0} | options
    )


@pytest.mark.parametrize("loss", [None, "HuberLoss", mn.L1Loss])
def test_losses(loss):
    assert quick(loss=loss).fit(X[:300], y[:300]).score(X[300:], y[300:]) > 0.4


def test_several_quantities():
    both = np.stack([y, 1000 - 5 * y], axis=1)
    fitted = quick().fit(X, both)
    assert fitted.predict(X).shape == (442, 2)
    assert fitted.score(X, both) > 0.4
    assert quick().fit(X, y[:, None]).predict(X).shape == (442, 1)
    assert quick().fit(X, y).predict(X).shape == (442,)


def test_the_model_predicts_in_the_units_of_y():
    fitted = quick().fit(X, y)
    assert fitted.model_.forward(X)[:, 0] == pytest.approx(fitted.predict(X))
    assert 100 < fitted.predict(X).mean() < 200
    assert isinstance(fitted.model_[0], mn.Normalize)
    assert isinstance(fitted.model_[-1], mn.Normalize)


def test_standardize_makes_the_scale_of_y_irrelevant():
    scaled = quick().fit(X, 1e6 * y + 1e9).predict(X)
    assert (scaled - 1e9) / 1e6 == pytest.approx(quick().fit(X, y).predict(X), rel=1e-3)
    raw = quick(standardize=False).fit(X, y)
    assert raw.score(X, y) < quick().fit(X, y).score(X, y)
    assert not any(isinstance(layer, mn.Normalize) for layer in raw.model_.layers)


def test_a_constant_y():
    assert quick().fit(X, np.full(442, 7.0)).predict(X[:3]) == pytest.approx([7, 7, 7], abs=0.1)


def test_partial_fit_learns_the_scale_of_y_as_it_comes():
    regressor = quick()
    for start in range(0, 442, 50):
        regressor.partial_fit(X[start : start + 50], y[start : start + 50])
    assert regressor._network.of_y.mean == pytest.approx(y.mean())
    assert regressor._network.of_y.std == pytest.approx(y.std())
    assert regressor.predict(X) == pytest.approx(regressor.model_.forward(X)[:, 0])
    with pytest.raises(ValueError, match="y has 2 columns, but had 1"):
        regressor.partial_fit(X, np.stack([y, y], axis=1))


def test_what_is_refused():
    with pytest.raises(ValueError, match="a loss for classes: use Classifier"):
        quick(loss="SoftmaxCrossEntropyLoss").fit(X, y)
    with pytest.raises(ValueError, match="because y has 1 quantities"):
        quick(model=mn.Linear(10, 2)).fit(X, y)
