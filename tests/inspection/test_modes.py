"""Eval mode, copies and containers are asked about, each by itself."""

import numpy as np
import pytest

import minnet as mn
from minnet.inspection import modes
from minnet.inspection.layer_checks import LayerError, Trial
from minnet.inspection.requirements import backward_runs

X = np.random.default_rng(0).normal(size=(4, 3))


class Noise(mn.Layer):
    """y = x + noise, in eval mode, too."""

    def __init__(self):
        self.rng = np.random.default_rng(0)

    def forward(self, x):
        return x + self.rng.normal(size=x.shape)

    def backward(self, dy):
        return dy.copy()


class Keeps(mn.Tanh):
    def forward(self, x):
        self.seen = len(x) + vars(self).get("seen", 0)
        return super().forward(x)


class Closure(mn.Tanh):
    def __init__(self):
        self.function = lambda x: x


def trial_of(layer):
    trial = Trial(layer, [X], np.random.default_rng(0))
    trial.begin()
    backward_runs(trial)
    return trial


@pytest.mark.parametrize(
    ("ask", "layer", "message"),
    [
        (modes.eval_mode, Noise(), "draws random numbers in eval mode"),
        (modes.eval_mode, Keeps(), r"eval mode changes self\.seen"),
        (modes.copies_compute_the_same, Closure(), "pickle fails"),
    ],
)
def test_one_requirement_at_a_time(ask, layer, message):
    ask(trial_of(mn.Tanh()))
    with pytest.raises(LayerError, match=message):
        ask(trial_of(layer))


def test_containers_give_the_same():
    modes.containers(trial_of(mn.Linear(3, 3, rng=0)))

    class Ages(mn.Tanh):
        """Computes something else after its second forward."""

        calls = 0

        def forward(self, x):
            Ages.calls += 1
            return super().forward(x) * (1 if Ages.calls < 3 else 2)

    with pytest.raises(LayerError, match="is different inside"):
        modes.containers(trial_of(Ages()))
