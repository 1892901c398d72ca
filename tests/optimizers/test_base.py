"""What all optimizers have in common: groups, weight decay, freezing, state, and that they work in place."""

import copy
import math
import pickle
import tracemalloc
import warnings

import numpy as np
import pytest

import minnet as mn
from minnet import Parameter
from minnet.errors import NonFiniteError
from minnet.optimizers import SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, Lion, NAdam, Optimizer, RAdam, RMSprop, base

EVERY = [
    (SGD, {}),
    (SGD, {"momentum": 0.9}),
    (SGD, {"momentum": 0.9, "nesterov": True}),
    (SGD, {"momentum": 0.9, "dampening": 0.5}),
    (Adam, {}),
    (Adam, {"amsgrad": True}),
    (AdamW, {}),
    (NAdam, {}),
    (RAdam, {}),
    (Adamax, {}),
    (RMSprop, {}),
    (RMSprop, {"momentum": 0.9, "centered": True}),
    (Adagrad, {"lr_decay": 0.1}),
    (Adadelta, {}),
    (Lion, {}),
]
every = pytest.mark.parametrize(("kind", "options"), EVERY, ids=str)
decays = pytest.mark.parametrize("weight_decay", [0.0, 0.1])
LR = 0.01


def walk(optimizer, gradients):
    """Make a step for each gradient, the same in all elements of all Parameters."""
    for gradient in gradients:
        optimizer.zero_grad()
        for parameter in optimizer.parameters:
            parameter.grad += gradient
        optimizer.step()


# -- in place, without allocating


@every
@decays
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_step_allocates_nothing_and_keeps_arrays_and_dtype(kind, options, weight_decay, dtype):
    parameter = Parameter(np.ones((300, 500)), dtype)
    optimizer = kind([parameter], lr=LR, weight_decay=weight_decay, **options)
    data, grad = parameter.data, parameter.grad
    walk(optimizer, [1])
    tracemalloc.start()
    walk(optimizer, [1] * 2)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < data.nbytes / 20
    assert parameter.data is data
    assert parameter.grad is grad
    assert data.dtype == dtype
    for arrays in optimizer.state.values():
        assert all(array.dtype == dtype for array in arrays if isinstance(array, np.ndarray))


@every
@decays
def test_a_step_leaves_the_gradient_alone_and_zero_grad_clears_it(kind, options, weight_decay):
    parameter = Parameter([[1.0, 2.0]])
    optimizer = kind([parameter], lr=LR, weight_decay=weight_decay, **options)
    parameter.grad += 3
    optimizer.step()
    np.testing.assert_array_equal(parameter.grad, [[3, 3]])
    optimizer.zero_grad()
    np.testing.assert_array_equal(parameter.grad, [[0, 0]])


@every
def test_parameters_of_all_shapes_share_scratch_arrays_and_do_not_disturb_each_other(kind, options):
    starts = [np.full(shape, 0.5) for shape in [(), (3,), (2, 3), (0, 4), (2, 1, 3)]]
    together = kind([Parameter(start, np.float64) for start in starts], lr=LR, weight_decay=0.1, **options)
    alone = [kind([Parameter(start, np.float64)], lr=LR, weight_decay=0.1, **options) for start in starts]
    for optimizer in (together, *alone):
        walk(optimizer, [1.0, -2.0, 0.5])
    for p, optimizer in zip(together.parameters, alone, strict=True):
        np.testing.assert_array_equal(p.data, optimizer.parameters[0].data)


@every
@decays
def test_a_model_may_change_its_dtype_under_the_optimizer(kind, options, weight_decay):
    """What is remembered goes on where it was: two models, one in float64 from the start, stay together."""
    models = [mn.Linear(3, 2, rng=0), mn.Linear(3, 2, rng=0).astype(np.float64)]
    optimizers = [kind(model.parameters(), lr=LR, weight_decay=weight_decay, **options) for model in models]
    for step in range(6):
        if step == 3:
            models[0].astype(np.float64)
        for model, optimizer in zip(models, optimizers, strict=True):
            optimizer.zero_grad()
            model.weight.grad += model.weight.data
            optimizer.step()
    kept = [entries[i] for entries in optimizers[0].state.values() for i in range(2)]
    for array in (models[0].weight.data, optimizers[0].scratch(0), *kept):
        assert not isinstance(array, np.ndarray) or array.dtype == np.float64
    np.testing.assert_allclose(models[0].weight.data, models[1].weight.data, rtol=1e-5)


def test_one_optimizer_may_hold_parameters_of_two_dtypes():
    parameters = [Parameter(np.ones(3)), Parameter(np.ones(4), np.float64)]
    walk(Adam(parameters, lr=LR), [1.0] * 3)
    assert [p.data.dtype for p in parameters] == [np.float32, np.float64]
    np.testing.assert_allclose(parameters[0].data, parameters[1].data[:3], rtol=1e-6)


# -- numbers at the ends of the range


def has_subnormals(optimizer):
    arrays = [entries[0] for entries in optimizer.state.values() if isinstance(entries[0], np.ndarray)]
    return any(((array != 0) & (np.abs(array) < np.finfo(array.dtype).tiny)).any() for array in arrays)


@every
def test_where_gradients_stop_no_number_stays_subnormal(kind, options):
    """Averages would stay so because β times the smallest number is rounded to it; processors are slow then."""
    optimizer = kind([Parameter(np.ones(4))], lr=LR, **options)
    walk(optimizer, [1.0])
    for name in (*kind.fading, *kind.squares):
        if name in optimizer.state and name != "sum":  # a sum does not shrink
            optimizer.state[name][0][:2] = 1e-42
    walk(optimizer, [0.0] * (base.TEND_EVERY - 1))
    assert not has_subnormals(optimizer)


@pytest.mark.parametrize("gradient", [3e-23, 1e-40])
@every
def test_a_small_gradient_that_goes_on_is_not_lost(kind, options, gradient):
    """The averages of gradients are subnormal, or of squares; but they are renewed, and nothing sets them to 0."""
    optimizer = kind([Parameter(np.zeros(1))], lr=LR, **options)
    walk(optimizer, [gradient] * (base.TEND_EVERY - 1))
    before = {name: np.array(entries[0]) for name, entries in optimizer.state.items()}
    walk(optimizer, [gradient])
    for name, was in before.items():
        np.testing.assert_allclose(optimizer.state[name][0], was, rtol=0.3, atol=1e-44, err_msg=name)


@pytest.mark.parametrize("kind", [Adam, AdamW, NAdam, RMSprop])
@pytest.mark.parametrize("options", [{"eps": 0}, {"eps": 1e-20}], ids=str)
def test_a_small_eps_hides_no_square(kind, options):
    """Gradients of 1e-20 have subnormal squares. Set to 0, they made the next steps infinite, or too long."""
    small, usual = (kind([Parameter([0.0])], lr=LR, weight_decay=0, **options) for _ in range(2))
    walk(small, [1e-20] * 200 + [0.0] * 400)
    usual.param_groups[0]["eps"] *= 1e20
    walk(usual, [1.0] * 200 + [0.0] * 400)
    np.testing.assert_allclose(small.parameters[0].data, usual.parameters[0].data, rtol=0.01)


@pytest.mark.parametrize(
    ("kind", "name"), [(Adam, "square"), (NAdam, "square"), (RAdam, "square"), (RMSprop, "square"), (Adagrad, "sum")]
)
def test_squares_that_overflow_are_an_error(kind, name):
    optimizer = kind([Parameter([1.0]), Parameter(np.ones((2, 3)))], lr=LR)
    optimizer.parameters[1].grad[0, 1] += 1e20
    message = rf"^{kind.__name__}'s '{name}' of parameters\[1\], of shape \(2, 3\), holds infinity in float32, "
    with warnings.catch_warnings():  # NumPy's, at the first step
        warnings.simplefilter("ignore", RuntimeWarning)
        for _ in range(base.TEND_EVERY - 1):
            optimizer.step()
        with pytest.raises(NonFiniteError, match=message):
            optimizer.step()


# -- weight decay and frozen Parameters


@every
@pytest.mark.parametrize(("decay_biases", "bias_shrinks"), [(True, True), (False, False)])
def test_decay_biases_spares_what_has_fewer_than_two_axes(kind, options, decay_biases, bias_shrinks):
    weight, bias, scale = Parameter(np.ones((2, 2))), Parameter(np.ones(2)), Parameter(1.0)
    kind([weight, bias, scale], lr=LR, **options, weight_decay=0.5, decay_biases=decay_biases).step()
    assert (weight.data < 1).all()
    assert (bias.data < 1).all() == bias_shrinks
    assert (scale.data < 1) == bias_shrinks


@every
def test_a_frozen_parameter_stays_even_with_weight_decay(kind, options):
    free, frozen = Parameter([1.0]), Parameter([1.0], trainable=False)
    optimizer = kind([free, frozen], lr=LR, weight_decay=0.5, **options)
    walk(optimizer, [1.0])
    assert free.data[0] != 1
    assert frozen.data[0] == 1
    optimizer.zero_grad()
    assert frozen.grad[0] == 0


@every
@decays
def test_a_frozen_parameter_goes_on_later_as_if_there_had_been_no_break(kind, options, weight_decay):
    frozen, other = Parameter([1.0], np.float64), Parameter([1.0], np.float64)
    optimizer = kind([frozen], lr=LR, weight_decay=weight_decay, **options)
    walk(optimizer, [1.0, 2.0])
    frozen.trainable = False
    walk(optimizer, [5.0] * 3)
    frozen.trainable = True
    walk(optimizer, [-1.0, 3.0])
    walk(kind([other], lr=LR, weight_decay=weight_decay, **options), [1.0, 2.0, -1.0, 3.0])
    assert frozen.data[0] == other.data[0]


# -- groups


@every
def test_groups_have_options_of_their_own(kind, options):
    groups = [Parameter(np.ones((2, 2)), np.float64) for _ in range(3)]
    optimizer = kind(
        [{"params": groups[0]}, {"params": [groups[1]], "lr": LR / 10}, {"params": groups[2:], "weight_decay": 0.5}],
        lr=LR,
        **options,
    )
    alone = [
        kind([Parameter(np.ones((2, 2)), np.float64)], **{"lr": LR, **options, **own})
        for own in ({}, {"lr": LR / 10}, {"weight_decay": 0.5})
    ]
    for each in (optimizer, *alone):
        walk(each, [1.0, -2.0, 3.0])
    for p, each in zip(groups, alone, strict=True):
        np.testing.assert_array_equal(p.data, each.parameters[0].data)
    assert all(a is b for a, b in zip(optimizer.parameters, groups, strict=True))


def rates(optimizer):
    return [group["lr"] for group in optimizer.param_groups]


def in_groups(*own, lr):
    """Return an SGD with a group for each rate of its own; None: the group has none of its own."""
    return SGD([{"params": Parameter([1.0])} | ({"lr": rate} if rate else {}) for rate in own], lr=lr)


def test_setting_lr_keeps_the_ratio_of_the_groups():
    optimizer = in_groups(0.1, None, lr=1.0)
    assert optimizer.lr == 1.0
    assert rates(optimizer) == [0.1, 1.0]
    for lr in (0.5, 0.0, 0.0, 2.0):  # 0, where cosines end, is no dead end
        optimizer.lr = lr
        assert optimizer.lr == lr
        assert rates(optimizer) == [0.1 * lr, lr]
    optimizer.lr = np.float32(0.5)
    assert type(optimizer.param_groups[1]["lr"]) is float


def test_a_groups_rate_that_is_changed_changes_no_other():
    optimizer = in_groups(0.001, None, lr=0.1)
    optimizer.param_groups[0]["lr"] = 0.01
    assert optimizer.lr == 0.1
    optimizer.lr = 0.2
    assert rates(optimizer) == [0.02, 0.2]


def test_lr_is_what_the_groups_have_however_they_came_to_it():
    optimizer = in_groups(None, None, lr=0.1)
    for group in optimizer.param_groups:  # as loops written for PyTorch do
        group["lr"] = 0.3
    assert optimizer.lr == 0.3
    optimizer.lr /= 3
    assert rates(optimizer) == [optimizer.lr] * 2
    assert in_groups(0.5, 0.1, lr=1.0).lr == 0.5  # nobody has the 1.0


def test_rates_that_are_set_are_numbers():
    optimizer = in_groups(0.5, None, lr=0.1)
    for bad in (-1, math.nan, math.inf):
        with pytest.raises(ValueError, match=r"^SGD needs (a finite )?lr >= 0, got"):
            optimizer.lr = bad
    with pytest.raises(TypeError, match=r"^SGD expected lr to be a number, got str"):
        optimizer.lr = "0.1"
    optimizer.param_groups[1]["lr"] = 0.0
    with pytest.raises(ValueError, match=r"^SGD's lr is 0, so the other groups' rates .* 0: .*param_groups\[i\]"):
        optimizer.lr = 0.1
    assert rates(optimizer) == [0.5, 0.0]


def test_the_rates_from_before_a_schedule_are_known_until_somebody_sets_others():
    optimizer = in_groups(0.5, None, lr=0.1)
    optimizer.set_lrs([0.25, 0.05], optimizer.initial_lrs)
    optimizer.set_lrs([0.0, 0.0], optimizer.initial_lrs)
    assert optimizer.initial_lrs == [0.5, 0.1]
    twin = in_groups(0.5, None, lr=0.1)
    twin.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert twin.initial_lrs == [0.5, 0.1]
    optimizer.lr = 0.2  # of that, not of 0
    assert rates(optimizer) == [1.0, 0.2]
    twin.param_groups[1]["lr"] = 0.3
    assert twin.initial_lrs == [0.5, 0.3]
    twin.set_lrs([0.4, 0.4])
    assert twin.initial_lrs == [0.4, 0.4]


def test_an_option_may_be_set_for_all_groups_at_once_or_for_one():
    optimizer = Adam([{"params": Parameter([1.0]), "betas": [0.5, 0.9]}, {"params": Parameter([1.0])}])
    assert optimizer.betas == (0.5, 0.9)
    optimizer.betas = (0.8, 0.99)
    assert [group["betas"] for group in optimizer.param_groups] == [(0.8, 0.99)] * 2
    optimizer.param_groups[1]["betas"] = (0.7, 0.9)
    assert optimizer.betas == (0.8, 0.99)
    assert Adam.betas.name == "betas"
    optimizer.lr = 0
    optimizer.eps = 1  # whatever the other options are
    assert [group["eps"] for group in optimizer.param_groups] == [1.0, 1.0]
    with pytest.raises(ValueError, match=r"^Adam needs eps >= 0, got -1"):
        optimizer.eps = -1
    with pytest.raises(TypeError, match=r"^Adam expected betas to be a pair"):
        optimizer.betas = 0.9


@pytest.mark.parametrize(
    ("groups", "error", "message"),
    [
        (
            [{"params": Parameter([1.0]), "learning_rate": 1}],
            ValueError,
            'to have "params", and of options amsgrad, betas, .*lr',
        ),
        ([{"lr": 1.0}], ValueError, 'to have "params".*got lr'),
        ([{}], ValueError, "got nothing"),
        ([{"params": []}], ValueError, "got no Parameters"),
        ([{"params": 3}], TypeError, "expected Parameters, got int"),
        ([{"params": [np.ones(3)]}], TypeError, "expected Parameters, got ndarray"),
        ([{"params": Parameter([1.0])}, Parameter([1.0])], TypeError, "got some of each"),
        ([{"params": Parameter([1.0]), "lr": 0}], ValueError, "lr > 0, got 0: to freeze Parameters, set trainable=F"),
        ([{"params": Parameter([1.0]), "eps": "small"}], TypeError, "expected eps to be a number"),
        ([{"params": Parameter([1.0]), "betas": (0.9, 1.0)}], ValueError, "0 <= betas < 1, got 1.0"),
    ],
)
def test_bad_groups(groups, error, message):
    with pytest.raises(error, match=f"^Adam .*{message}"):
        Adam(groups)


def test_a_parameter_in_two_groups_is_refused():
    with pytest.raises(ValueError, match="got a Parameter twice"):
        Adam([{"params": SHARED}, {"params": [SHARED]}])


# -- state


@every
def test_the_state_is_in_order_and_a_copy_goes_on_alike(kind, options):
    optimizer = kind([Parameter([1.0, 2.0]), Parameter([3.0])], lr=LR, **options)
    walk(optimizer, [1.0, -2.0])
    assert all(len(entries) == 2 for entries in optimizer.state.values())
    assert optimizer.state["step"] == [2, 2]
    twins = [copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))]
    for each in (optimizer, *twins):
        walk(each, [0.5, 3.0])
    for twin in twins:
        for p, q in zip(optimizer.parameters, twin.parameters, strict=True):
            np.testing.assert_array_equal(p.data, q.data)
            assert p is not q


@every
def test_it_trains(kind, options):
    """Down a narrow valley, L = (10 a² + b²) / 2, from (1, 1)."""
    parameter = Parameter([1.0, 1.0], np.float64)
    optimizer = kind([parameter], lr={Adadelta: 5.0, Adagrad: 0.5, RAdam: 0.05}.get(kind, LR), **options)
    for _ in range(300):
        optimizer.zero_grad()
        parameter.grad += [10, 1] * parameter.data
        optimizer.step()
    assert np.abs(parameter.data).max() < 0.2


# -- optimizers of one's own


def test_an_optimizer_of_ones_own_is_one_method():
    class SignDescent(Optimizer):
        def update(self, i, p, g, group):
            p -= group["lr"] * np.sign(g)

    free, frozen = Parameter([1.0, 1.0]), Parameter([1.0, 1.0], trainable=False)
    optimizer = SignDescent([{"params": free}, {"params": frozen}], lr=0.5)
    free.grad += [3, -3]
    optimizer.step()
    np.testing.assert_array_equal(free.data, [0.5, 1.5])
    np.testing.assert_array_equal(frozen.data, [1, 1])


def test_or_one_that_does_all_by_itself():
    class SignDescent(Optimizer):
        def step(self):
            for parameter in self.parameters:
                parameter.data -= self.lr * np.sign(parameter.grad)

    parameter = Parameter([1.0, 1.0])
    parameter.grad += [3, -3]
    SignDescent([parameter], lr=0.5).step()
    np.testing.assert_array_equal(parameter.data, [0.5, 1.5])


class Keeps(Optimizer):
    """Keeps what no optimizer of minnet does: numbers of other dtypes and shapes, and things that are no arrays."""

    def update(self, i, p, g, group):
        for name in ("counts", "seen", "wide", "rank", "list", "own"):
            self.state.setdefault(name, [None] * len(self.parameters))
        if self.state["own"][i] is None:
            self.state["own"][i] = {"rows": np.full(3, 1e-310)}
            self.state["counts"][i] = np.ones(p.shape, np.int64)
            self.state["seen"][i] = np.ones((5, *p.shape), bool)
            self.state["wide"][i] = np.full(7, 1e-310)
            self.state["rank"][i] = np.float32(1e-42)
            self.state["list"][i] = [1e-42]
        self.state["total"] = 0.5  # of all Parameters
        p -= group["lr"] * g


def test_what_an_optimizer_of_ones_own_keeps_is_left_as_it_is():
    parameter = Parameter(np.ones((2, 3)))
    optimizer = Keeps([parameter], lr=LR)
    walk(optimizer, [1.0])
    before = copy.deepcopy(optimizer.state)
    walk(optimizer, [0.0] * base.TEND_EVERY)
    parameter.astype(np.float64)
    walk(optimizer, [0.0] * base.TEND_EVERY)
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for name in ("counts", "seen", "wide", "rank", "list", "own", "total"):
        now = optimizer.state[name]
        np.testing.assert_equal(now, before[name])
        for a, b in zip(np.atleast_1d(now), np.atleast_1d(before[name]), strict=True):
            assert getattr(a, "dtype", None) == getattr(b, "dtype", None)


def test_an_optimizer_without_step_says_so():
    with pytest.raises(NotImplementedError, match=r"Optimizer has no step: define update\(self, i, p, g, group\)"):
        Optimizer([SHARED], 0.1).step()


# -- bad arguments

MODEL = mn.Linear(3, 2, rng=0)
SHARED = Parameter([1.0])


@pytest.mark.parametrize("kind", [SGD, Adam])
@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        (MODEL, TypeError, r"expected Parameters, got Linear: pass model.parameters\(\)"),
        (SHARED, TypeError, r"expected Parameters, got Parameter: pass model.parameters\(\)"),
        (list(MODEL.named_parameters()), TypeError, r"expected Parameters, got tuple: pass model.parameters\(\)"),
        ([np.ones(3)], TypeError, "expected Parameters, got ndarray"),
        ([], ValueError, r"got no Parameters: has the model a layer with weights"),
        (mn.ReLU().parameters(), ValueError, r"got no Parameters"),
        ([SHARED, SHARED], ValueError, r"got a Parameter twice.*: list it once"),
    ],
)
def test_bad_parameters(kind, parameters, error, message):
    with pytest.raises(error, match=f"^{kind.__name__} .*{message}"):
        kind(parameters, lr=0.1)


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW, NAdam, RAdam, Adamax, RMSprop, Adagrad, Adadelta, Lion])
@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("lr", 0, ValueError),
        ("lr", -1, ValueError),
        ("lr", math.nan, ValueError),
        ("lr", math.inf, ValueError),
        ("lr", "0.1", TypeError),
        ("lr", None, TypeError),
        ("lr", True, TypeError),
        ("lr", np.ones(1), TypeError),
        ("weight_decay", -0.1, ValueError),
        ("weight_decay", math.inf, ValueError),
    ],
)
def test_bad_numbers(kind, name, value, error):
    with pytest.raises(error, match=f"{kind.__name__} .*{name}"):
        kind([SHARED], **{"lr": 0.1, name: value})


@pytest.mark.parametrize(
    ("kind", "name", "value", "error"),
    [
        (SGD, "momentum", -0.1, ValueError),
        (SGD, "momentum", 1.0, ValueError),
        (SGD, "momentum", math.nan, ValueError),
        (SGD, "momentum", "0.9", TypeError),
        (SGD, "dampening", 1.1, ValueError),
        *[(kind, "betas", (0.9, 1.0), ValueError) for kind in (Adam, AdamW, NAdam, RAdam, Adamax, Lion)],
        *[(kind, "betas", (-0.1, 0.9), ValueError) for kind in (Adam, AdamW, NAdam, RAdam, Adamax, Lion)],
        *[(kind, "betas", 0.9, TypeError) for kind in (Adam, AdamW, NAdam, RAdam, Adamax, Lion)],
        *[(kind, "betas", (0.9,), TypeError) for kind in (Adam, AdamW, NAdam, RAdam, Adamax, Lion)],
        *[(kind, "eps", -1e-8, ValueError) for kind in (Adam, AdamW, NAdam, RAdam, Adamax, RMSprop, Adagrad, Adadelta)],
        (NAdam, "momentum_decay", -1, ValueError),
        (RMSprop, "alpha", 1.0, ValueError),
        (RMSprop, "momentum", 1.0, ValueError),
        (Adagrad, "lr_decay", -1, ValueError),
        (Adagrad, "initial_accumulator_value", -1, ValueError),
        (Adadelta, "rho", 1.0, ValueError),
        (Adadelta, "eps", 0, ValueError),
    ],
)
def test_bad_options(kind, name, value, error):
    with pytest.raises(error, match=f"^{kind.__name__} .*{name}"):
        kind([SHARED], **{"lr": 0.1, name: value})


@pytest.mark.parametrize("lr", [1, np.float32(0.5), np.float64(0.5), np.int64(1)])
def test_numbers_of_any_kind_become_floats(lr):
    assert type(SGD([SHARED], lr).lr) is float


def test_parameters_may_be_any_iterable_and_keep_their_order():
    parameters = MODEL.parameters()
    optimizer = SGD(iter(parameters), 0.1)
    assert all(a is b for a, b in zip(optimizer.parameters, parameters, strict=True))


# -- what PyTorch's users write


def test_zero_grad_takes_no_option():
    optimizer = mn.SGD([mn.Parameter([1.0])], 0.1)
    with pytest.raises(TypeError, match="zero_grad takes no set_to_none: leave it out"):
        optimizer.zero_grad(set_to_none=True)


def test_parameters_that_were_not_asked_for():
    model = mn.Sequential(mn.Linear(2, 2), mn.ReLU())
    for given, got in ((model, "Sequential"), (model[0], "Linear"), (model.parameters, "the method parameters itself")):
        with pytest.raises(TypeError, match=rf"got {got}.*: pass model.parameters\(\)"):
            mn.SGD(given, 0.1)
