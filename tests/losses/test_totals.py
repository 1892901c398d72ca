"""The loss of a set does not depend on how it is cut into batches."""

import numpy as np
import pytest

import minnet as mn
from minnet.losses.totals import Total, loss_of

RNG = np.random.default_rng(0)
P, Y, V = RNG.normal(size=(12, 3)), RNG.integers(0, 3, 12), RNG.integers(0, 3, 12) / 2


@pytest.mark.parametrize("weights", [(), (V,)], ids=["plain", "weighted"])
@pytest.mark.parametrize(
    "loss",
    [
        mn.SoftmaxCrossEntropyLoss(),
        mn.SoftmaxCrossEntropyLoss([1, 0, 3], ignore_index=2, label_smoothing=0.1),
        mn.MultiMarginLoss(),
    ],
    ids=lambda loss: loss.describe(),
)
def test_a_total_is_the_loss_of_the_whole_set(loss, weights):
    total = Total(loss)
    for part in (slice(0, 1), slice(1, 1), slice(1, 8), slice(8, 12)):
        total.add(P[part], P[part], Y[part], *(v[part] for v in weights))
    assert total.means() == {"loss": pytest.approx(loss_of(loss, P, Y, *weights), rel=1e-12)}


def test_a_loss_without_weights_is_called_with_two_arguments():
    class Own(mn.Loss):
        def forward(self, prediction, target):
            return float(len(target))

    assert loss_of(Own(), P, Y) == 12.0
    with pytest.raises(TypeError, match="sample_weight"):
        loss_of(Own(), P, Y, V)
