"""A Layer finds its Parameters and layers by walking its attributes, and keeps one thing for backward."""

import collections
import copy
import dataclasses
import pickle

import numpy as np
import pytest

import minnet as mn


class Scale(mn.Layer):
    """y = factor · x, written as the tutorial's readers write theirs: no super().__init__(), no registry."""

    def __init__(self, factor, label="plain", *, shift=0.0):
        self.factor = mn.Parameter([factor])
        self.label = label
        self.shift = shift

    def forward(self, x):
        self.cache = x
        return x * self.factor.data + self.shift

    def backward(self, dy):
        self.factor.grad += (dy * self.cache).sum()
        return dy * self.factor.data


class Nest(mn.Layer):
    """Layers and Parameters in every place where they may be."""

    def __init__(self):
        self.plain = Scale(1)
        self.listed = [Scale(2), (Scale(3), "not a layer")]
        self.named = {"a": Scale(4), 5: mn.Parameter([5.0])}
        self.own = mn.Parameter([6.0])
        self.nothing = None


X = np.ones((2, 1), np.float32)


# -- walking


def test_layers_are_found_in_attributes_lists_tuples_and_dicts():
    paths = [path for path, _ in Nest().named_layers()]
    assert paths == ["", "plain", "listed[0]", "listed[1][0]", "named['a']"]


def test_parameters_are_found_in_a_fixed_order_by_path():
    found = {path: float(parameter.data[0]) for path, parameter in Nest().named_parameters()}
    assert found == {
        "named[5]": 5,
        "own": 6,
        "plain.factor": 1,
        "listed[0].factor": 2,
        "listed[1][0].factor": 3,
        "named['a'].factor": 4,
    }
    assert [float(p.data[0]) for p in Nest().parameters()] == list(found.values())


def test_a_shared_parameter_is_listed_once():
    nest = Nest()
    nest.plain.factor = nest.own
    assert [path for path, p in nest.named_parameters() if p is nest.own] == ["own"]
    assert len(nest.parameters()) == 5


def test_a_layer_that_is_reached_twice_is_refused_with_both_paths():
    nest = Nest()
    nest.again = nest.listed[0]
    with pytest.raises(ValueError, match=r"stands at listed\[0\] and at again: make two layers; to share weights"):
        nest.parameters()


def test_a_layer_inside_itself_is_refused():
    layer = Scale(1)
    layer.me = layer
    with pytest.raises(ValueError, match="stands at the top and at me"):
        layer.parameters()


# -- the cache


def test_backward_before_forward_says_so():
    with pytest.raises(RuntimeError, match=r"^Scale\.backward\(\) before forward\(\): call forward first$"):
        Scale(1).backward(X)


def test_eval_mode_keeps_nothing():
    layer = Scale(1).eval()
    layer.forward(X)
    with pytest.raises(RuntimeError, match=r"in eval mode nothing is kept.* call freeze\(statistics=True\) before"):
        layer.backward(X)


def test_switching_to_eval_mode_drops_what_was_kept():
    layer = Scale(1)
    layer.forward(X)
    layer.eval().train()
    with pytest.raises(RuntimeError, match="before forward"):
        layer.backward(X)


def test_an_eval_forward_leaves_the_cache_of_training_alone():
    layer = Scale(2)
    layer.forward(X)
    layer.recording = False
    layer.forward(10 * X)
    layer.backward(X)
    np.testing.assert_array_equal(layer.factor.grad, [2])


def test_modes_reach_every_layer_inside():
    nest = Nest()
    assert nest.eval() is nest
    assert [layer.training for _, layer in nest.named_layers()] == [False] * 5
    assert nest.train() is nest
    assert [layer.training for _, layer in nest.named_layers()] == [True] * 5


def test_a_layer_by_itself_can_be_in_another_mode():
    nest = Nest()
    nest.plain.eval()
    assert [layer.training for _, layer in nest.named_layers()] == [True, False, True, True, True]
    assert [layer.recording for _, layer in nest.named_layers()] == [True, False, True, True, True]


def test_backward_in_an_eval_mode_that_records_asks_for_the_cache():
    layer = mn.Sequential(Scale(1)).freeze(statistics=True).layers[0]
    with pytest.raises(RuntimeError, match=r"call forward first, and set self.cache there even if not self.training"):
        layer.backward(X)


# -- frozen layers


def test_freeze_and_unfreeze_reach_all_parameters():
    nest = Nest()
    assert nest.freeze() is nest
    assert [p.trainable for p in nest.parameters()] == [False] * 6
    assert all(layer.training for _, layer in nest.named_layers())  # they behave as before
    assert nest.unfreeze() is nest
    assert [p.trainable for p in nest.parameters()] == [True] * 6


def test_frozen_statistics_outlast_train_and_eval():
    nest = Nest()
    nest.plain.freeze(statistics=True)
    for mode in (nest.train, nest.eval, nest.train):
        mode()
    assert [layer.training for _, layer in nest.named_layers()] == [True, False, True, True, True]
    assert [layer.recording for _, layer in nest.named_layers()] == [True] * 5
    nest.plain.forward(X)
    nest.plain.backward(X)
    nest.unfreeze()
    assert all(layer.training for _, layer in nest.named_layers())


def test_unfreezing_in_eval_mode_stays_in_eval_mode():
    layer = Scale(1).freeze(statistics=True).eval().unfreeze()
    assert (layer.training, layer.recording, layer.frozen_statistics) == (False, False, False)
    assert layer.train().training


@pytest.mark.parametrize("change", ["freeze", "unfreeze"])
def test_a_backward_never_uses_what_was_kept_in_another_mode(change):
    """Dropout's old mask, or the statistics of an old batch, would give a wrong gradient without a word."""
    layer = Scale(2)
    if change == "unfreeze":
        layer.freeze(statistics=True)
    layer.forward(X)
    layer.freeze(statistics=True) if change == "freeze" else layer.unfreeze()
    with pytest.raises(RuntimeError, match="before forward"):
        layer.backward(X)


def test_copies_are_frozen_too():
    layer = Scale(2).freeze(statistics=True)
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert copied.frozen_statistics
        assert not copied.train().training
        assert not copied.factor.trainable


# -- layers that would lose their Parameters


def slots():
    class Slots(mn.Layer):
        __slots__ = ("W",)


def one_slot():
    class Slots(mn.Layer):
        __slots__ = "W"


def slots_of_a_dataclass():
    @dataclasses.dataclass(slots=True)
    class Slots(mn.Layer):
        W: mn.Parameter


def slots_of_a_base():
    class Mixin:
        __slots__ = ("W", "b")

    class Slots(Mixin, mn.Layer):
        pass


@pytest.mark.parametrize("define", [slots, one_slot, slots_of_a_dataclass, slots_of_a_base])
def test_slots_are_refused_where_the_class_is_defined(define):
    """Before, `parameters()` was empty, and a copy lost the values."""
    with pytest.raises(
        TypeError, match=r"^Slots has __slots__ \((W|W, b)\), where Parameters are not found: leave out"
    ):
        define()


def test_slots_that_hold_nothing_are_fine():
    class Empty(mn.Layer):
        __slots__ = ()

    assert Empty().parameters() == []


def test_parameters_of_a_class_are_refused():
    for held in (mn.Parameter([1.0]), mn.Buffer([1.0]), [mn.ReLU()]):
        with pytest.raises(TypeError, match=r"Shared.W(\[0\])? is a \w+ of the class: all its layers would share it"):
            type("Shared", (mn.Layer,), {"W": held})


def test_a_frozen_dataclass_is_refused_where_it_is_walked():
    @dataclasses.dataclass(frozen=True)
    class Frozen(mn.Layer):
        W: mn.Parameter

    layer = Frozen(mn.Parameter([1.0]))
    for walk in (layer.parameters, layer.eval, lambda: mn.Sequential(layer)):
        with pytest.raises(
            TypeError, match=r"Frozen is a frozen dataclass, but a layer changes: .* leave out frozen=True"
        ):
            walk()


def test_a_dataclass_is_a_layer_as_any_other():
    @dataclasses.dataclass
    class Data(mn.Layer):
        W: mn.Parameter

        def forward(self, x):
            self.cache = x
            return x * self.W.data

    layer = Data(mn.Parameter([2.0]))
    assert layer.parameters() == [layer.W]
    layer.forward(X)
    assert layer.cache is X


def test_containers_of_parameters_are_walked_or_refused():
    layer = Scale(1)
    layer.more = collections.deque([mn.Parameter([1.0])])
    assert [name for name, _ in layer.named_parameters()] == ["factor", "more[0]"]
    layer.more = {mn.Parameter([1.0])}
    with pytest.raises(TypeError, match="more is a set that holds a Parameter, and a set has no order: make it a list"):
        layer.parameters()


# -- a layer that is not finished


@pytest.mark.parametrize("method", ["forward", "backward"])
def test_a_missing_method_is_named(method):
    class Unfinished(mn.Layer):
        pass

    with pytest.raises(NotImplementedError, match=rf"Unfinished has no {method}: define {method}\(self, d?[xy]\)"):
        getattr(Unfinished(), method)(X)


def test_a_subclass_with_its_own_backward_is_not_bypassed_by_its_parents_shortcut():
    class Loud(mn.Linear):
        def backward(self, dy):
            return super().backward(2 * dy)

    layer = Loud(1, 1, rng=0)
    layer.forward(X)
    layer.accumulate_grad(X)
    np.testing.assert_array_equal(layer.weight.grad, [[4]])


# -- dtype


def test_dtype_is_that_of_the_parameters():
    assert Nest().dtype == np.float32
    assert mn.ReLU().dtype is None


def test_astype_converts_all_parameters_in_place_and_drops_caches():
    nest = Nest()
    parameters = nest.parameters()
    nest.plain.forward(X)
    assert nest.astype(np.float64) is nest
    assert all(before is after for before, after in zip(parameters, nest.parameters(), strict=True))
    assert {p.data.dtype for p in parameters} == {np.dtype(np.float64)}
    with pytest.raises(RuntimeError, match="before forward"):
        nest.plain.backward(X)


# -- copies


@pytest.mark.parametrize("copied_by", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_a_copy_is_of_the_model_and_not_of_its_last_batch(copied_by):
    layer = mn.Linear(3, 2, rng=0)
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    y = layer.forward(x)
    copied = copied_by(layer)
    assert copied.forward(x).tobytes() == y.tobytes()
    with pytest.raises(RuntimeError, match="before forward"):
        copied_by(layer).backward(y)
    copied.weight.data += 1
    assert layer.forward(x).tobytes() == y.tobytes()


def test_a_pickle_does_not_hold_the_batch():
    layer = mn.Linear(3, 2, rng=0)
    before = len(pickle.dumps(layer))
    layer.forward(np.ones((10_000, 3), np.float32))
    assert len(pickle.dumps(layer)) == before


def test_a_copy_of_tied_weights_is_tied():
    first, second = mn.Linear(2, 2, rng=0), mn.Linear(2, 2, rng=1)
    second.weight = first.weight
    copied = copy.deepcopy(mn.Sequential(first, second))
    assert copied.layers[0].weight is copied.layers[1].weight
    assert copied.layers[0].weight is not first.weight


# -- how it looks


def test_describe_shows_required_arguments_bare_and_others_by_name():
    assert Scale(1, "fast").describe() == "Scale(label='fast', shift=0.0)"
    assert mn.Linear(784, 10).describe() == "Linear(784, 10)"
    assert mn.ReLU().describe() == "ReLU()"


def test_describe_shows_sizes_that_are_numpy_integers():
    classes = np.array([0, 1, 2]).max() + 1
    assert mn.Linear(784, classes).describe() == "Linear(784, 3)"


def test_repr_draws_the_tree():
    class Block(mn.Layer):
        def __init__(self, size):
            self.size = size
            self.inner = mn.Sequential(mn.Linear(size, size, rng=0))
            self.last = mn.ReLU()

    assert repr(Block(3)) == ("Block(3\n  inner: Sequential(\n    layers[0]: Linear(3, 3)\n  )\n  last: ReLU()\n)")


@pytest.mark.parametrize("method", ["train", "eval", "freeze", "unfreeze", "astype"])
def test_an_override_is_called_wherever_the_layer_is(method):
    """The layer around it changed the flags itself, and with them those of the layers that the override spares."""
    called = []

    class Own(mn.Sequential):
        pass

    def override(self, *arguments):
        getattr(mn.Sequential, method)(self, *arguments)
        self.layers[1].eval()
        called.append(arguments)
        return self

    setattr(Own, method, override)
    own = Own(mn.Linear(2, 3, rng=0), mn.BatchNorm1d(3))
    model = mn.Sequential(mn.Linear(2, 2, rng=1), mn.Residual(mn.Sequential(own, mn.Linear(3, 2, rng=2))))
    arguments = {"freeze": (True,), "astype": (np.float64,)}.get(method, ())
    assert getattr(model, method)(*arguments) is model
    assert called == [arguments]
    assert not own.layers[1].training


# -- calls, and states


def test_a_call_is_forward():
    layer = Scale(2.0)
    np.testing.assert_array_equal(layer(X), layer.forward(X))

    class Masked(mn.Layer):
        def forward(self, x, mask=None, *, scale=1):
            return x, mask, scale

    assert Masked()(1, 2, scale=3) == Masked()(1, mask=2, scale=3) == (1, 2, 3)
    layer.forward = lambda x: "patched"
    assert layer(X) == "patched"


def test_a_call_of_a_loss_is_forward():
    loss, scores, labels = mn.SoftmaxCrossEntropyLoss(), np.ones((4, 3)), np.arange(4) % 3
    assert loss(scores, labels) == loss.forward(scores, labels)
    np.testing.assert_allclose(loss.backward().sum(axis=1), 0, atol=1e-12)
    assert mn.MSELoss(reduction="none")(prediction=scores, target=scores).shape == (4, 3)


def test_a_call_without_forward_says_so():
    with pytest.raises(NotImplementedError, match="Layer has no forward"):
        mn.Layer()(X)


def state_model():
    return mn.Sequential(body=mn.Linear(3, 4, rng=0), norm=mn.BatchNorm1d(4), head=mn.Linear(4, 2, rng=1))


def test_a_state_has_every_array_by_its_path():
    model = state_model()
    model(np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32))
    state = model.state_dict()
    assert list(state) == [path for path, _ in model.named_arrays()]
    assert 'layers["norm"].running_mean' in state
    for path, array in model.named_arrays():
        np.testing.assert_array_equal(state[path], array.data)
        assert not np.shares_memory(state[path], array.data)


def test_a_state_is_loaded_into_the_arrays_that_are_there():
    model, other = state_model(), state_model()
    for _, array in model.named_arrays():
        array.data[...] = np.arange(array.data.size).reshape(array.data.shape)
    before = [array.data for _, array in other.named_arrays()]
    assert other.load_state_dict(model.state_dict()) == ([], [])
    for (_, one), (_, array), data in zip(model.named_arrays(), other.named_arrays(), before, strict=True):
        np.testing.assert_array_equal(array.data, one.data)
        assert array.data is data


def test_a_shared_parameter_is_in_a_state_once():
    model = mn.Sequential(table := mn.Embedding(5, 3, rng=0), mn.Tied(table))
    assert list(model.state_dict()) == ["layers[0].weight", "layers[1].bias"] or len(model.state_dict()) == 1
    model.load_state_dict(model.state_dict())


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda s: s.pop('layers["head"].bias'), r'layers\["head"\].bias: in the model, not in the state'),
        (lambda s: s.update(more=np.zeros(1)), "more: in the state, not in the model"),
        (lambda s: s.update({'layers["head"].bias': np.zeros(3, np.float32)}), r"\(2,\) float32 in the model, \(3,\)"),
        (lambda s: s.update({'layers["head"].bias': np.zeros(2)}), "float32 in the model, .* float64 in the state"),
        (lambda s: s.update({'layers["head"].bias': "text"}), "<U4 in the state"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change, line):
    model = state_model()
    before = model.state_dict()
    state = {path: array + 1 for path, array in before.items()}
    change(state)
    with pytest.raises(ValueError, match=f"the state does not fit the model:\n(.*\n)*.*{line}"):
        model.load_state_dict(state)
    for path, array in model.named_arrays():
        np.testing.assert_array_equal(array.data, before[path])


def test_a_part_of_a_state():
    model = state_model()
    before, new = model.state_dict(), {'layers["body"].bias': np.ones(4, np.float32), "more": np.zeros(1)}
    missing, unexpected = model.load_state_dict(new, strict=False)
    assert unexpected == ["more"]
    assert missing == [path for path in before if path != 'layers["body"].bias']
    np.testing.assert_array_equal(model["body"].bias.data, 1)
    np.testing.assert_array_equal(model["head"].weight.data, before['layers["head"].weight'])
    with pytest.raises(ValueError, match="does not fit"):
        model.load_state_dict({'layers["body"].bias': np.ones(5, np.float32)}, strict=False)


@pytest.mark.parametrize("state", ["model.safetensors", None, [np.zeros(3)]])
def test_a_state_is_a_dict(state):
    with pytest.raises(TypeError, match=r"expected a dict of paths and arrays, got .* mn.load\(model, path\)"):
        state_model().load_state_dict(state)


def test_a_masked_array_is_no_state():
    model = mn.Sequential(mn.Linear(2, 2, rng=0))
    state = model.state_dict()
    with pytest.raises((TypeError, ValueError), match="mask"):
        model.load_state_dict(state | {"layers[0].bias": np.ma.masked_array([1, 2], [True, False], np.float32)})
