"""LBFGS in a Trainer: the loss of a batch is one function of the weights, however often it is computed."""

import copy

import numpy as np
import pytest
from helpers import linear_problem

import minnet as mn
from minnet.errors import NonFiniteError

X, Y = linear_problem(200)


def network(*between):
    return mn.Sequential(mn.Linear(4, 8, rng=0), *between, mn.Tanh(), mn.Linear(8, 3, rng=1))


def trainer(model=None, options=None, **of_trainer):
    model = network() if model is None else model
    options = {"line_search_fn": "strong_wolfe", "max_iter": 5} | (options or {})
    optimizer = mn.LBFGS(model.parameters(), **options)
    return mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), optimizer, **of_trainer)


def batches(size=200, **options):
    return mn.DataLoader(X, Y, size, **options)


def bits(one):
    return [a.data.tobytes() for _, a in one.model.named_arrays()]


def fit(one, loader=None, **options):
    rows = one.fit(batches() if loader is None else loader, progress=False, **{"epochs": 4, **options})
    return {name: rows.column(name) for name in rows.names}


def test_a_fit_does_what_the_loop_by_hand_does():
    one, model = trainer(), network()
    history = fit(one)
    loss, optimizer = (
        mn.SoftmaxCrossEntropyLoss(),
        mn.LBFGS(model.parameters(), line_search_fn="strong_wolfe", max_iter=5),
    )

    def closure():
        optimizer.zero_grad()
        value = loss.forward(model.forward(X), Y)
        model.backward(loss.backward())
        return value

    losses = [optimizer.step(closure) for _ in range(4)]
    assert history["loss"] == pytest.approx(losses, rel=1e-6)
    assert bits(one) == [a.data.tobytes() for _, a in model.named_arrays()]
    assert losses[-1] < 0.2 < losses[0]


def test_the_prediction_and_the_loss_are_those_before_the_step():
    one = trainer()
    before = one.model.forward(X)
    fit(one, epochs=1)
    np.testing.assert_array_equal(one.prediction, before)
    assert one.last_loss == pytest.approx(mn.SoftmaxCrossEntropyLoss().forward(before, Y), rel=1e-6)


class Noted(mn.Dropout):
    """A Dropout that notes its masks."""

    def __init__(self):
        super().__init__(0.5, rng=3)
        self.masks = []

    def forward(self, x):
        y = super().forward(x)
        if self.training:
            self.masks.append(self.cache.tobytes())
        return y


def test_the_masks_of_dropout_are_the_same_at_all_points_of_a_step_and_others_in_the_next():
    dropout = Noted()
    counts = []
    one = trainer(network(dropout))
    for _ in range(3):
        fit(one, epochs=1)
        counts.append(len(dropout.masks))
    steps = [set(dropout.masks[a:b]) for a, b in zip([0, *counts], counts, strict=False)]
    assert [len(masks) for masks in steps] == [1, 1, 1]
    assert len(set.union(*steps)) == 3
    assert counts[0] > 2
    twin = mn.Dropout(0.5, rng=3)  # as if there had been one forward a step
    for _ in range(3):
        twin.forward(np.ones((200, 8), np.float32))
    assert dropout.rng.bit_generator.state == twin.rng.bit_generator.state


def test_running_statistics_move_once_a_step():
    norm = mn.BatchNorm1d(8, momentum=0.5)
    one = trainer(network(norm))
    fit(one, epochs=1)
    one.model.eval()
    hidden = one.model[0].forward(X)
    # of the last point that was looked at, which with a line search is where the step ended, or close to it
    np.testing.assert_allclose(norm.running_mean.data, 0.5 * hidden.mean(axis=0), atol=0.1)
    many = trainer(network(mn.BatchNorm1d(8, momentum=1.0)), {"max_iter": 1, "line_search_fn": None})
    x_hat = many.model[0].forward(X).mean(axis=0)
    fit(many, epochs=1)
    np.testing.assert_allclose(many.model[1].running_mean.data, x_hat, rtol=1e-5)


@pytest.mark.parametrize("options", [{"threads": 2}, {"accumulate": 3}, {"threads": 2, "accumulate": 2}])
def test_in_parts(options):
    if "threads" in options:
        pytest.importorskip("threadpoolctl")
    models = [network().astype(np.float64) for _ in range(2)]
    one, other = trainer(models[0]), trainer(models[1], **options)
    for each in (one, other):
        fit(each, mn.DataLoader(X.astype(np.float64), Y, 200), epochs=2)
    for p, q in zip(*(model.parameters() for model in models), strict=True):
        np.testing.assert_allclose(p.data, q.data, rtol=1e-6, atol=1e-8)


def test_in_parts_dropout_draws_the_same_masks_in_each_thread():
    pytest.importorskip("threadpoolctl")
    one, twin = (trainer(network(mn.Dropout(0.3, rng=5)), threads=2) for _ in range(2))
    for each in (one, twin):
        history = fit(each, epochs=6)
    assert bits(one) == bits(twin)
    assert history["loss"][-1] < history["loss"][0]


@pytest.mark.parametrize(
    "callback", [mn.callbacks.ClipGradNorm(0.5), mn.callbacks.ClipGradValue(0.05), mn.callbacks.MaxNorm(3), None]
)
@pytest.mark.parametrize("line_search_fn", ["strong_wolfe", None])
def test_a_run_goes_on_to_the_last_bit(tmp_path, callback, line_search_fn):
    def make():
        model = network(mn.BatchNorm1d(8), mn.Dropout(0.2, rng=0))
        return trainer(model, {"line_search_fn": line_search_fn, "lr": 0.5, "history_size": 7})

    def run(one, **options):
        callbacks = [] if callback is None else [copy.deepcopy(callback)]
        fit(one, batches(64, shuffle=True, rng=0), epochs=None, callbacks=callbacks, **options)

    whole, rest = make(), make()
    run(whole, steps=9)
    run(make(), steps=4, checkpoint=tmp_path)
    run(rest, steps=9, checkpoint=tmp_path)
    assert rest.step == 9
    assert bits(rest) == bits(whole)
    state, then = rest.optimizer.state, whole.optimizer.state
    assert state.keys() == then.keys()
    assert "move_3" in state


class Explodes(mn.ReLU):
    """Its output is not finite in some evaluations."""

    def __init__(self, *bad):
        super().__init__()
        self.bad, self.calls = bad, 0

    def forward(self, x):
        self.calls += self.training
        return super().forward(x) * (np.float32(np.nan) if self.training and self.calls in self.bad else 1)


def test_a_step_that_is_not_finite_is_undone_and_said_or_skipped():
    one = trainer(network(Explodes(1)))
    before = bits(one)
    with pytest.raises(NonFiniteError, match="training diverged in step 1"):
        fit(one)
    assert bits(one) == before
    for nonfinite in ("skip", "ignore"):
        one = trainer(network(Explodes(1)), nonfinite=nonfinite)
        history = fit(one)
        assert np.isfinite(one.last_loss)
        assert nonfinite == "ignore" or history["skipped"][0] == 1


def test_without_a_line_search_a_point_that_is_not_finite_undoes_the_step():
    one = trainer(network(Explodes(3)), {"line_search_fn": None})
    before = bits(one)
    with pytest.raises(NonFiniteError, match="training diverged in step 1"):
        fit(one)
    assert bits(one) == before
    assert one.optimizer.state == {"step": [0] * 4}


def test_a_line_search_goes_around_points_that_are_not_finite():
    one = trainer(network(Explodes(2, 5)))
    history = fit(one)
    assert history["loss"][-1] < 0.5 * history["loss"][0]


def test_an_error_inside_a_step_changes_nothing():
    class Fails(mn.callbacks.Callback):
        calls = 0

        def on_gradients(self, trainer):
            self.calls += 1
            if self.calls == 9:
                raise RuntimeError("ninth")

    one, twin = trainer(), trainer()
    with pytest.raises(RuntimeError, match="ninth"):
        fit(one, callbacks=[Fails()])
    fit(twin, epochs=one.step)
    assert bits(one) == bits(twin)
    assert one.step > 0


def test_train_step_and_update_may_be_overridden():
    class Own(mn.Trainer):
        updates = 0

        def train_step(self, x, y):
            return super().train_step(x, y)

        def update(self):
            self.updates += 1
            super().update()

    model = network()
    own = Own(
        model, mn.SoftmaxCrossEntropyLoss(), mn.LBFGS(model.parameters(), line_search_fn="strong_wolfe", max_iter=5)
    )
    one = trainer()
    for each in (own, one):
        fit(each)
    assert bits(own) == bits(one)
    assert own.updates > 8


def test_a_callback_may_replace_the_optimizer():
    class Switch(mn.callbacks.Callback):
        def on_step_end(self, trainer):
            trainer.optimizer = mn.SGD(trainer.model.parameters(), lr=0.1)

    one = trainer()
    fit(one, callbacks=[Switch()])
    assert type(one.optimizer) is mn.SGD
    assert one.step == 4


def test_weights_of_samples_and_schedules_and_evaluations():
    one = trainer()
    rates = []

    class Rates(mn.callbacks.Callback):
        def on_step_end(self, trainer):
            rates.append(trainer.optimizer.lr)

    loader = batches(sample_weight=np.linspace(0, 1, 200))
    schedule = mn.callbacks.LearningRate(mn.schedules.ExponentialLR(0.5))
    history = fit(one, loader, evaluate={"test": (X, Y)}, callbacks=[schedule, Rates()])
    assert rates == [1.0, 0.5, 0.25, 0.125]
    assert history["test_accuracy"][-1] > 0.9


def test_the_learning_rates_finder_and_frozen_parameters():
    one = trainer()
    one.model[0].freeze()
    before = one.model[0].weight.data.copy()
    curve = mn.lr_finder(one, batches(), start=1e-3, end=1.0, steps=5)
    assert len(curve.lrs) == 5
    fit(one)
    np.testing.assert_array_equal(one.model[0].weight.data, before)
    assert one.last_loss < 0.5


def test_compiled_code_takes_it():
    pytest.importorskip("numba")
    plain, compiled = trainer(), trainer(compiled=True)
    for one in (plain, compiled):
        fit(one)
    assert compiled.last_loss == pytest.approx(plain.last_loss, rel=1e-4)


def test_a_step_of_ones_own_with_the_trainer_says_what_is_missing():
    with pytest.raises(TypeError, match="LBFGS needs the loss at several points: pass a closure to step"):
        trainer().train_step(X, Y)
