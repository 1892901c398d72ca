import numpy as np
import pytest

import minnet as mn


@pytest.mark.parametrize("option", ["accumulate", "threads"])
def test_a_train_step_that_an_option_goes_around_is_refused(option):
    """It was not called, in silence."""

    class Mine(mn.Trainer):
        def train_step(self, x, y):
            return super().train_step(x, y)

    model = mn.Sequential(mn.Linear(4, 3, rng=0))
    parts = model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match=rf"^{option}=2 does not call Mine\.train_step: leave out {option}=2, or"):
        Mine(*parts, **{option: 2})
    trainer = mn.Trainer(*parts, **{option: 2})
    trainer.train_step = lambda x, y: 0.0
    with pytest.raises(ValueError, match=r"does not call Trainer\.train_step"):
        trainer.fit([(np.zeros((2, 4), np.float32), np.zeros(2, int))], epochs=1)


@pytest.mark.parametrize("option", ["accumulate", "threads"])
def test_batch_norms_of_the_whole_batch_are_refused_where_a_rank_cuts_its_part(option):
    pytest.importorskip("mpi4py")
    model = mn.Sequential(mn.Linear(4, 3, rng=0), mn.BatchNorm1d(3))
    parts = model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1)
    mn.Trainer(*parts, parallel=mn.MPI(), **{option: 2})
    with pytest.raises(ValueError, match=rf"^MPI\(synchronised=True\) makes .*{option}=2 cuts .*: leave out {option}"):
        mn.Trainer(*parts, parallel=mn.MPI(synchronised=True), **{option: 2})


def test_compiled_is_a_flag():
    model = mn.Sequential(mn.Linear(4, 2, rng=0))
    with pytest.raises(TypeError, match="Trainer expected compiled to be True or False, got 'yes'"):
        mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1), compiled="yes")
