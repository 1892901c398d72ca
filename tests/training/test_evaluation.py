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
