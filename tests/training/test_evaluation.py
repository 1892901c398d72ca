import math

import numpy as np
import pytest

import minnet as mn
from minnet.training.evaluation import EvaluationMode, start_recording


def parts():
    model = mn.Sequential(mn.Linear(4, 3, rng=0), mn.Dropout(0.5, rng=0))
    model.layers[0].eval()
    return model, mn.MSELoss()


def modes(model, loss):
    return [layer.training for layer in (model, *model.layers, loss)]


def records(model, loss):
    return [layer.recording for layer in (model, *model.layers, loss)]


def test_every_layer_gets_its_own_mode_back():
    model, loss = parts()
    before = modes(model, loss)
    with EvaluationMode(model, loss):
        assert modes(model, loss) == [False] * 4
    assert modes(model, loss) == before == [True, False, True, True]


def test_an_error_ends_it_too():
    model, loss = parts()
    before = modes(model, loss)
    with pytest.raises(KeyError), EvaluationMode(model, loss):
        raise KeyError
    assert modes(model, loss) == before


def test_the_last_of_several_switches_back():
    model, loss = parts()
    before, evaluation = modes(model, loss), EvaluationMode(model, loss)
    with evaluation:
        with evaluation:
            pass
        assert modes(model, loss) == [False] * 4
    assert modes(model, loss) == before


RIGHT = math.log(1 + 2 * math.exp(-3))  # the loss of a sample that is right; the others have 3 more


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (mn.SoftmaxCrossEntropyLoss(), RIGHT + 9 / 5),
        (mn.SoftmaxCrossEntropyLoss([1, 10, 0.1]), RIGHT + 3 * 11.1 / 13.1),
        (mn.SoftmaxCrossEntropyLoss(ignore_index=1), RIGHT + 6 / 4),
        (mn.SoftmaxCrossEntropyLoss(ignore_index=0), RIGHT + 3),
    ],
)
def test_the_loss_of_a_set_does_not_depend_on_the_batch_size(loss, expected):
    X, y = np.eye(3)[[0, 0, 1, 2, 0]] * 3, np.array([0, 0, 0, 1, 2])
    model = mn.Linear(3, 3, rng=0).astype(np.float64)
    model.weight.data, model.bias.data = np.eye(3), np.zeros(3)
    trainer = mn.Trainer(model, loss, mn.SGD(model.parameters(), lr=1e-30), metrics={})
    for batch_size in (1, 2, 3, 5):
        loader = mn.DataLoader(X, y, batch_size)
        assert trainer.evaluate(loader)["loss"] == pytest.approx(expected, rel=1e-14)
        trainer.fit(loader, epochs=1, progress=False)
        assert trainer.history[-1]["loss"] == pytest.approx(expected, rel=1e-14)


def test_what_recorded_before_records_again():
    model, loss = parts()
    model.layers[1].freeze(statistics=True)
    before = modes(model, loss), records(model, loss)
    with EvaluationMode(model, loss):
        assert modes(model, loss) == records(model, loss) == [False] * 4
    assert (modes(model, loss), records(model, loss)) == before
    assert before == ([True, False, False, True], [True, False, True, True])


def test_recording_starts_everywhere_and_changes_no_layer_s_own_mode():
    model, loss = parts()
    start_recording(model)
    assert modes(model, loss) == [True, False, True, True]
    assert records(model, loss) == [True] * 4
    model.eval()
    start_recording(model)
    assert modes(model, loss) == records(model, loss) == [True] * 4
    model.freeze(statistics=True)
    start_recording(model)
    assert modes(model, loss) == [False, False, False, True]
    assert records(model, loss) == [True] * 4
