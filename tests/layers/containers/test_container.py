"""Container: a list of layers with names."""

import copy
import pickle
from collections import OrderedDict

import numpy as np
import pytest

import minnet as mn
from minnet import Concat, Dropout, Linear, ReLU, Residual, Sequential, Softmax
from minnet.layers.containers.branches import Add

X = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


def named():
    return Sequential(body=Linear(3, 4, rng=0), relu=ReLU(), head=Linear(4, 2, rng=1))


def unnamed():
    return Sequential(Linear(3, 4, rng=0), ReLU(), Linear(4, 2, rng=1))


# -- names


@pytest.mark.parametrize("kind", [dict, OrderedDict])
def test_a_dict_and_keywords_are_the_same(kind):
    body, head = Linear(3, 4), Linear(4, 2)
    for model in (
        Sequential(kind(body=body, head=head)),
        Sequential(body=body, head=head),
        Sequential({"body": body}, head=head),
    ):
        assert model.layers == (body, head)
        assert model.layers.names == ("body", "head")
        assert model["head"] is model.layers["head"] is model[1] is head


def test_only_some_have_names():
    model = Sequential(Linear(3, 4), ReLU(), head=Linear(4, 2))
    assert model.layers.names == (None, None, "head")
    assert [path for path, _ in model.named_parameters()] == [
        "layers[0].weight",
        "layers[0].bias",
        'layers["head"].weight',
        'layers["head"].bias',
    ]


def test_a_path_is_the_expression_that_gives_the_array():
    model = Sequential(encoder=named(), branches=Concat(one=Linear(2, 2), two=Residual(Linear(2, 2))))
    paths = dict(model.named_arrays())
    assert 'layers["branches"].layers["two"].layers[0].weight' in paths
    for path, array in paths.items():
        assert eval(f"model.{path}") is array


def test_without_names_the_paths_are_numbers():
    assert [path for path, _ in unnamed().named_layers()] == ["", "layers[0]", "layers[1]", "layers[2]"]


def test_repr_and_summary_show_names():
    assert repr(named()).splitlines() == [
        "Sequential(",
        '  layers["body"]: Linear(3, 4)',
        '  layers["relu"]: ReLU()',
        '  layers["head"]: Linear(4, 2)',
        ")",
    ]
    assert '  layers["head"] Linear(4, 2)  (N, 2)          10' in mn.summary(named(), 3)


def test_names_are_given_to_add_and_concat():
    x = np.ones((2, 3), np.float32)
    for kind, shape in ((Add, (2, 2)), (Concat, (2, 4))):
        layer = kind(left=Linear(3, 2), right=Linear(3, 2))
        assert layer.forward(x).shape == shape
        assert layer["right"] is layer.layers[1]
    assert Concat(left=Linear(3, 2), right=Linear(3, 2), axis=1).axis == 1


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a.b", 'a"b', "a'b", "a[0]", "a]", "a-b", "0", "1a", "a\n", "a\0", "\ud800", "a/b"]
)
def test_a_name_is_an_identifier(name):
    with pytest.raises(ValueError, match="as the name of a layer: it must be a word of letters"):
        Sequential({name: ReLU()})
    model = unnamed()
    with pytest.raises(ValueError, match="as the name of a layer"):
        model.append(ReLU(), name)
    assert len(model) == 3


@pytest.mark.parametrize("name", ["layers", "forward", "train", "append", "dtype", "cache", "parameters", "training"])
def test_a_name_is_no_attribute(name):
    with pytest.raises(ValueError, match=f"Sequential has an attribute '{name}' already"):
        Sequential({name: ReLU()})


def test_a_name_is_no_attribute_of_this_very_container():
    with pytest.raises(ValueError, match="Concat has an attribute 'axis' already"):
        Concat({"axis": ReLU()})


@pytest.mark.parametrize("name", [1, b"a", ("a",), 1.5])
def test_a_name_is_a_string(name):
    with pytest.raises(TypeError, match="expected the name of a layer to be a string"):
        Sequential({name: ReLU()})


def test_two_layers_of_one_name():
    with pytest.raises(ValueError, match="two layers with the name 'a'"):
        Sequential({"a": ReLU()}, a=ReLU())
    with pytest.raises(ValueError, match="two layers with the name 'body'"):
        named().append(ReLU(), "body")


def test_a_dict_among_layers():
    with pytest.raises(TypeError, match=r"one by one, not a dict: Sequential\(\*\*layers\)"):
        Sequential(ReLU(), {"a": ReLU()})


def test_an_error_says_which_by_its_name():
    with pytest.raises(TypeError, match="but layer 'head' is the class ReLU: make one"):
        Sequential(body=ReLU(), head=ReLU)
    with pytest.raises(ValueError, match="expected 3 features") as error:
        named().forward(np.ones((5, 7), np.float32))
    assert error.value.__notes__[-1:] == ['in Sequential.layers["body"] = Linear(3, 4), input shape (5, 7)']


def test_names_do_not_change_the_numbers():
    one, two = named(), unnamed()
    np.testing.assert_array_equal(one.forward(X), two.forward(X))
    dy = np.ones((5, 2), np.float32)
    np.testing.assert_array_equal(one.backward(dy), two.backward(dy))
    mn.gradcheck.check_layer(one, X)


# -- as a list


def test_length_iteration_and_membership():
    model = named()
    first, second, third = model
    assert (len(model), bool(model)) == (3, True)
    assert [*model] == [first, second, third] == [model[0], model[1], model[-1]]
    assert [*reversed(model)] == [third, second, first]
    assert second in model
    assert "relu" in model
    assert ReLU() not in model
    assert "tanh" not in model


def test_a_layer_with_an_eq_of_its_own_is_not_asked():
    class Rude(mn.Layer):
        def __eq__(self, other):
            raise AssertionError

        __hash__ = None

    rude = Rude()
    assert rude in Sequential(ReLU(), rude)
    assert rude not in Sequential(ReLU(), Rude())


def test_append_insert_extend_pop():
    a, b, c, d = (Linear(3, 3) for _ in range(4))
    model = Sequential(a)
    assert model.append(b, "b") is model
    assert model.insert(0, c) is model
    assert model.insert("b", d, "d") is model
    assert model.layers == (c, a, d, b)
    assert model.layers.names == (None, None, "d", "b")
    assert model.insert(4, last := ReLU()).pop() is last
    assert model.pop("d") is d
    assert model.pop(0) is c
    assert model.extend({"c": c}).extend(Sequential(d=d)).layers == (a, b, c, d)
    assert model.layers.names == (None, "b", "c", "d")


def test_plus_equals_extends_the_very_model():
    model = same = unnamed()
    model += Sequential(last=Softmax())
    model += [ReLU()]
    assert model is same
    assert (len(model), model.layers.names[3:]) == (5, ("last", None))


def test_a_layer_may_have_the_name_self():
    assert Sequential(self=ReLU(), other=ReLU()).layers.names == ("self", "other")
    assert Concat(self=ReLU()).layers.names == ("self",)


def test_insert_before_the_last_as_in_a_list():
    model = unnamed().insert(-1, Dropout(0.5))
    assert [type(layer).__name__ for layer in model] == ["Linear", "ReLU", "Dropout", "Linear"]


def test_set_and_delete():
    model, head = named(), Linear(4, 7)
    model["head"] = head
    assert model[-1] is model["head"] is head
    model[0] = Linear(3, 4)
    assert model.layers.names == ("body", "relu", "head")
    del model["relu"]
    assert model.layers.names == ("body", "head")
    del model[0:1]
    assert model.layers == (head,)


def test_layers_can_be_assigned():
    model = named()
    model.layers = [ReLU(), Softmax()]
    assert model.layers.names == (None, None)
    model.layers = {"a": ReLU(), "b": Softmax()}
    assert model.layers.names == ("a", "b")
    assert type(model["b"]) is Softmax


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (lambda m: m.append(m[0]), ValueError, "the same Linear"),
        (lambda m: m.insert(0, m), ValueError, "the same Sequential"),
        (lambda m: m.append(ReLU), TypeError, "is the class ReLU"),
        (lambda m: m.append(np.tanh), TypeError, "not a Layer"),
        (lambda m: m.extend([ReLU(), 3]), TypeError, "layer 4 is an int"),
        (lambda m: m.__setitem__(0, m[1]), ValueError, "the same ReLU"),
        (lambda m: m.__setitem__("new", ReLU()), KeyError, "no layer has the name 'new'"),
        (lambda m: m.__setitem__(slice(2), ReLU()), TypeError, "one layer is replaced at a time"),
        (lambda m: m.insert(5, ReLU()), IndexError, "no layer 5"),
        (lambda m: m.pop("new"), KeyError, "no layer has the name"),
        (lambda m: m.__delitem__(3), IndexError, "no layer 3"),
        (lambda m: m.__delitem__(slice(None)), ValueError, "needs at least one layer"),
        (lambda m: m.__getitem__([0, 1]), TypeError, "by its number or its name, not by a list"),
        (lambda m: m * 2, TypeError, "unsupported operand"),
        (lambda m: setattr(m, "layers", ()), ValueError, "needs at least one layer"),
        (lambda m: setattr(m, "layers", [ReLU(), None]), TypeError, "layer 1 is a NoneType"),
    ],
)
def test_a_refused_change_changes_nothing(change, error, match):
    model = named()
    before, names, y = model.layers, model.layers.names, model.forward(X)
    with pytest.raises(error, match=match):
        change(model)
    assert model.layers is before
    assert model.layers.names == names
    np.testing.assert_array_equal(model.forward(X), y)


def test_a_change_counts_and_drops_what_was_remembered():
    model, dy = unnamed(), np.ones((5, 2), np.float32)
    model.forward(X)
    before = mn.Layer.changes
    model.append(Softmax())
    assert mn.Layer.changes > before
    with pytest.raises(RuntimeError, match=r"Softmax.backward\(\) before forward\(\)"):
        model.backward(dy)
    np.testing.assert_allclose(model.forward(X).sum(axis=1), 1, rtol=1e-5)
    model.backward(dy)


def test_a_layer_that_joins_a_model_in_eval_mode_is_in_eval_mode():
    model = unnamed().eval()
    model.append(Dropout(0.9, rng=0))
    model.insert(0, kept := Dropout(0.9, rng=0))
    assert not kept.training
    np.testing.assert_array_equal(model.forward(X), model.forward(X))
    assert model.train()[0].training
    assert unnamed().append(Dropout(0.5))[-1].training


def test_concat_learns_in_a_branch_that_was_appended():
    layer = Concat(mn.Identity())
    layer.append(Linear(3, 2, rng=0))
    layer.accumulate_grad(np.ones_like(layer.forward(X)))
    assert layer[1].weight.grad.any()


def test_a_part_of_another_container_is_a_tuple():
    with pytest.raises(TypeError, match=r"its layers are model.layers\[a:b\]"):
        Add(ReLU(), ReLU())[:1]


# -- copies, arrays


@pytest.mark.parametrize("make", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_keep_the_names_and_share_nothing(make):
    model = named()
    made = make(model)
    assert made.layers.names == model.layers.names
    assert made["head"] is made.layers[2] is not model["head"]
    made["head"].weight.data[:] = 0
    assert model["head"].weight.data.all()


def test_a_shallow_copy_can_be_changed_alone():
    model = named()
    made = copy.copy(model).append(ReLU())
    assert (len(model), len(made)) == (3, 4)


def test_numpy_makes_no_array_of_the_layers():
    model = named()
    for make in (np.asarray, np.array, lambda m: np.ones(3) + m, lambda m: np.add(m, 1)):
        with pytest.raises(TypeError, match="a Sequential is not an array"):
            make(model)
    held = np.empty(2, object)
    held[0] = model
    assert held[0] is model


class Classifier(Sequential):
    """A user's subclass, with attributes of its own."""

    def __init__(self, features, classes):
        super().__init__(body=Linear(features, 4, rng=0), head=Linear(4, classes, rng=1))
        self.classes = classes


def test_a_subclass():
    model = Classifier(3, 2)
    assert model.forward(X).shape == (5, 2)
    assert model.insert("head", ReLU()).forward(X).shape == (5, 2)
    assert type(copy.deepcopy(model)) is Classifier
    assert copy.deepcopy(model).layers.names == ("body", None, "head")


@pytest.mark.parametrize("value", [Linear(4, 5, rng=0), 3])
def test_an_attribute_cannot_hide_behind_the_name_of_a_layer(value):
    """PyTorch's way to replace a layer would make another one beside it, which nothing uses."""
    for model in (named(), mn.Add(head=Linear(3, 2), body=Linear(3, 2))):
        before = list(model)
        with pytest.raises(AttributeError, match=r"has a layer 'head': model\['head'\] = layer puts another"):
            model.head = value
        assert list(model) == before
        assert "head" not in vars(model)
    model.note = 3  # another name is free


def test_layers_that_are_added_up_keep_their_names():
    model = named()
    model.layers += (ReLU(),)
    assert model.layers.names == (*named().layers.names, None)
    model.layers = [ReLU(), *model.layers[:2], model.layers[-1]]
    assert model.layers.names == (None, *named().layers.names[:2], None)
    del model[0]
    model.layers = model.layers[:1] + Sequential(head=Linear(4, 2)).layers
    assert model.layers.names == ("body", "head")


# -- files, and threads


def test_files_have_the_names(tmp_path):
    model, other = named(), Sequential(body=Linear(3, 4, rng=5), relu=ReLU(), head=Linear(4, 2, rng=6))
    mn.save(model, tmp_path / "model.safetensors")
    mn.load(other, tmp_path / "model.safetensors")
    np.testing.assert_array_equal(other.forward(X), model.forward(X))
    with pytest.raises(mn.errors.CheckpointError, match=r'layers\["body"\].weight: in the file, not in the model'):
        mn.load(unnamed(), tmp_path / "model.safetensors")


def run(make, epochs=2, threads=1, **options):
    """Return the weights after a fit, and the history."""
    model = make()
    rng = np.random.default_rng(0)
    loader = mn.DataLoader(rng.normal(size=(32, 3)).astype(np.float32), rng.integers(2, size=32), 8, rng=0)
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.Adam(model.parameters()), threads=threads)
    history = trainer.fit(loader, epochs=epochs, progress=False, **options)
    return [parameter.data for parameter in model.parameters()], [row["loss"] for row in history]


@pytest.mark.parametrize("threads", [1, 2])
def test_training_with_names_is_training_without(threads):
    (one, losses), (two, others) = (run(make, threads=threads) for make in (named, unnamed))
    assert losses == others
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_run_with_names_resumes_exactly(tmp_path):
    whole, _ = run(named, epochs=4)
    run(named, epochs=2, checkpoint=tmp_path)
    resumed, _ = run(named, epochs=4, checkpoint=tmp_path)
    for a, b in zip(whole, resumed, strict=True):
        np.testing.assert_array_equal(a, b)


def test_fit_warns_of_a_layer_that_joined_after_the_optimizer_was_made():
    model = Sequential(body=Linear(3, 2, rng=0))
    optimizer = mn.SGD(model.parameters(), 0.1)
    model.append(Linear(2, 2, rng=1), "head")
    loader = mn.DataLoader(X, np.arange(5) % 2, 5)
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), optimizer)
    before = model["head"].weight.data.copy()
    hint = r'does not hold layers\["head"\].weight, layers\["head"\].bias, so these do not learn: make it anew'
    with pytest.warns(mn.errors.TrainingWarning, match=hint):
        trainer.fit(loader, epochs=1, progress=False)
    np.testing.assert_array_equal(model["head"].weight.data, before)
    model.pop("body")
    with pytest.raises(ValueError, match="the optimizer holds Parameters that are not this model's"):
        trainer.fit(loader, epochs=1, progress=False)
