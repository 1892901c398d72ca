"""A batch of one and an empty batch are asked about, each by itself."""

import numpy as np
import pytest

import minnet as mn
from minnet.inspection import batches
from minnet.inspection.layer_checks import LayerError, Trial
from minnet.inspection.requirements import backward_runs

X = np.random.default_rng(0).normal(size=(4, 3))


class Scale(mn.Layer):
    """y = x * g, with one mistake."""

    def __init__(self, mistake=""):
        self.gain = mn.Parameter(np.ones((4, 3)) if mistake == "row for each sample" else np.ones(3))
        self.mistake = mistake

    def forward(self, x):
        self.cache = x
        if self.mistake == "one":
            return (x * self.gain.data)[[i % max(len(x), 1) for i in range(4)]]
        return x * self.gain.data + (0 * x.max() if self.mistake == "none" else 0)

    def backward(self, dy):
        self.gain.grad += dy * self.cache if self.mistake == "row for each sample" else (dy * self.cache).sum(axis=0)
        return dy * self.gain.data


def trial_of(mistake):
    trial = Trial(Scale(mistake), [X], np.random.default_rng(0))
    trial.begin()
    backward_runs(trial)
    return trial


@pytest.mark.parametrize(
    ("ask", "mistake", "message"),
    [
        (
            batches.batch_of_one,
            "row for each sample",
            r"self\.gain has shape \(4, 3\), one row for each of the 4 samples",
        ),
        (batches.batch_of_one, "one", "the size 4 of another batch is written into the code"),
        (batches.empty_batch, "none", "an empty batch fails: .* asks for the largest or smallest of no numbers"),
    ],
)
def test_the_size_of_a_batch_is_no_part_of_a_layer(ask, mistake, message):
    ask(trial_of(""))
    with pytest.raises(LayerError, match=message):
        ask(trial_of(mistake))
