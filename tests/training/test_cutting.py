import numpy as np
import pytest

import minnet as mn
from minnet.core import twins
from minnet.training import cutting
from minnet.training.cutting import ENOUGH, Cutting


def ones(*shape):
    return np.ones(shape, np.float32)


def convolution(rng=0):
    return mn.Sequential(mn.Conv2d(1, 8, 3, padding=1, rng=rng), mn.ReLU(), mn.Flatten(), mn.Linear(8 * 64, 3, rng=rng))


def test_large_outputs_pay_and_small_ones_do_not():
    # For a sample: 512, 512, 512 and 3 numbers, and 3 of the Sequential.
    enough = 2 * 5 * ENOUGH / (3 * 512 + 2 * 3)
    pays = Cutting(convolution()).pays
    assert pays(ones(1, 1, 8, 8), int(enough) + 1, threads=2)
    assert not pays(ones(1, 1, 8, 8), int(enough) - 1, threads=2)
    assert not pays(ones(1, 1, 8, 8), int(enough) + 1, threads=3)


def test_more_weights_than_numbers_do_not_pay():
    model = mn.Sequential(mn.Linear(1000, 1000, rng=0), mn.ReLU(), mn.Linear(1000, 1000, rng=0))
    assert not Cutting(model).pays(ones(1, 1000), 500, threads=2)  # 2 million weights and numbers, and the biases
    assert Cutting(model).pays(ones(1, 1000), 520, threads=2)


@pytest.mark.parametrize("layer", [mn.RNN, mn.LSTM, mn.GRU])
@pytest.mark.parametrize("options", [{}, {"bidirectional": True}])
def test_steps_in_python_do_not_pay_but_compiled_ones_do(layer, options):
    model = mn.Sequential(layer(4, 8, **options, rng=0), mn.ReLU())
    x = ones(1, 1000, 4)
    assert not Cutting(model).pays(x, 1000, threads=2)
    walk = mn.layers.sequences.unrolling.Recurrent._walk.formula
    token = twins.twins.set(twins.Twins({walk: walk}))
    try:
        assert Cutting(model).pays(x, 1000, threads=2)
    finally:
        twins.twins.reset(token)


def test_a_model_is_asked_once_for_each_form_of_a_sample(monkeypatch):
    monkeypatch.setattr(cutting, "KINDS", 2)
    asked = []
    own = Cutting._outputs
    monkeypatch.setattr(Cutting, "_outputs", lambda self, x: asked.append(x.shape) or own(self, x))
    pays = Cutting(mn.Sequential(mn.ReLU())).pays
    for length in (3, 5, 3, 5, 7, 3):
        assert pays(ones(4, length), 10**6, threads=2)
    assert asked == [(1, 3), (1, 5), (1, 7), (1, 3)]


def test_the_question_changes_nothing():
    class Counts(mn.Layer):
        def __init__(self):
            self.calls, self.rng = 0, np.random.default_rng(0)
            self.mean = mn.Buffer(np.zeros(1))

        def forward(self, x):
            self.calls += 1
            self.rng.normal()
            self.mean.data += 1
            assert not self.training  # as it is for BatchNorm1d, which needs two samples in training
            self.cache = x
            return x

    model = mn.Sequential(Counts(), mn.BatchNorm1d(3), mn.Linear(3, 2, rng=0))
    before, state = mn.Layer.changes, model.layers[0].rng.bit_generator.state
    assert not Cutting(model).pays(ones(2, 3), 2, threads=2)
    assert model.layers[0].calls == 0
    assert model.layers[0].mean.data == 0
    assert model.layers[0].rng.bit_generator.state == state
    assert all(layer.training and layer.recording for _, layer in model.named_layers())
    assert mn.Layer.changes == before


def test_a_layer_that_takes_no_single_sample_is_cut_as_asked():
    class Pairs(mn.Layer):
        def forward(self, x):
            return x.reshape(-1, 2, *x.shape[1:])

    assert Cutting(Pairs()).pays(ones(1, 3), 2, threads=2)


def test_samples_may_be_trees():
    class First(mn.Layer):
        def forward(self, a, b):
            return a

    pays = Cutting(First()).pays
    assert pays({"a": ones(1, 2), "b": ones(1, 5)}, ENOUGH, threads=2)
    assert not pays({"a": ones(1, 2), "b": ones(1, 5)}, ENOUGH - 1, threads=2)


@pytest.mark.parametrize("weights", [(), (np.arange(1.0, 41.0),)], ids=["", "weighted"])
def test_a_batch_that_is_not_cut_is_an_ordinary_step(weights, monkeypatch):
    """The code for parts took a tenth of the time of a small step."""
    pytest.importorskip("threadpoolctl")
    X, y = np.random.default_rng(0).standard_normal((40, 3), np.float32), np.arange(40) % 2
    found = []
    monkeypatch.setattr("minnet.training.parallel.ParallelSteps.learn", None)
    for threads in (1, 2):
        model = mn.Sequential(mn.Linear(3, 2, rng=0))
        trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1), threads=threads)
        loader = [(X, y, *weights)]
        trainer.fit(loader, epochs=2, progress=False)
        found.append(model[0].weight.data)
    assert np.array_equal(*found)
