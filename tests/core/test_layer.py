"""A Layer finds its Parameters and layers by walking its attributes, and keeps one thing for backward."""

import copy
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
    with pytest.raises(RuntimeError, match=r"in eval mode nothing is kept"):
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
    layer.training = False
    layer.forward(10 * X)
    layer.backward(X)
    np.testing.assert_array_equal(layer.factor.grad, [2])


def test_modes_reach_every_layer_inside():
    nest = Nest()
    assert nest.eval() is nest
    assert [layer.training for _, layer in nest.named_layers()] == [False] * 5
    assert nest.train() is nest
    assert [layer.training for _, layer in nest.named_layers()] == [True] * 5


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
