"""What the Trainer, the loop and the callbacks share."""

import math

import minnet as mn
from minnet.training.state import SAVED, Counts, TrainingState


def test_a_trainers_attributes_are_those_of_its_state():
    model = mn.Sequential(mn.Linear(2, 2, rng=0))
    trainer = mn.Trainer(model, mn.MSELoss(), mn.SGD(model.parameters(), lr=0.1))
    assert (trainer.step, trainer.epoch, trainer.stopped, trainer.interrupted) == (0, 0, False, False)
    assert math.isnan(trainer.last_loss)
    assert trainer.prediction.size == trainer.target.size == 0
    trainer.stop()
    assert trainer.state.stopped
    trainer.step = 3
    trainer.state.epoch = 2
    assert (trainer.state.step, trainer.epoch) == (3, 2)


def test_two_states_share_nothing():
    one, other = TrainingState(), TrainingState()
    assert one.prediction is not other.prediction


def test_what_was_saved_is_restored():
    state, again = TrainingState(step=5, epoch=1, last_loss=0.5, stopped=True, interrupted=True), TrainingState()
    again.load_state_dict(state.state_dict())
    assert [getattr(again, name) for name in SAVED] == [5, 1, 0.5, True]
    assert not again.interrupted


def test_a_finished_run_is_not_finished_when_it_is_resumed():
    counts = Counts(first_step=3, first_epoch=1, in_epoch=2, loss_sum=0.5, weight=3.5, samples=7, finished=True)
    again = Counts(first_step=0, first_epoch=0)
    again.load_state_dict(counts.state_dict())
    assert not again.finished
    assert again.state_dict() | {"finished": True} == counts.state_dict()
