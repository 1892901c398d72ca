"""Every layer of minnet is made again from its file, with every option: see tests/support/every_layer.py."""

import copy
import json

import numpy as np
import pytest
from every_layer import OPTIONS, SEVERAL, made
from hypothesis import given, settings
from hypothesis import strategies as st

import minnet as mn
from minnet.core.arguments import is_drawn, signature_of
from minnet.errors import CheckpointError
from minnet.saving.description import OWN, describe_model
from minnet.saving.tensorfile import read_tensors, write_tensors


def test_every_layer_and_every_option_is_tried():
    assert OPTIONS.keys() == OWN.keys() - SEVERAL
    for name, kind in ((name, OWN[name]) for name in OPTIONS):
        drawn = {argument for argument in signature_of(kind) if is_drawn(argument)}
        assert OPTIONS[name][1].keys() == signature_of(kind).keys() - drawn - {"named"}, name


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("models") / "model.safetensors"


@pytest.mark.parametrize("name", sorted(OPTIONS))
@settings(deadline=None, max_examples=8)
@given(data=st.data(), seed=st.integers(0, 99), dtype=st.sampled_from([np.float32, np.float64]))
def test_a_layer_is_made_again(name, data, seed, dtype, path):
    layer = made(name, data.draw).astype(dtype)
    random = np.random.default_rng(seed)
    for _, array in layer.named_arrays():  # as after some training
        array.data = random.uniform(0.5, 2, array.data.shape).astype(dtype)
    shape = data.draw(st.sampled_from(OPTIONS[name][0]))
    x = random.integers(0, 9, shape) if name == "Embedding" else random.normal(size=shape).astype(dtype)
    mn.save(layer, path)
    loaded = mn.load_model(path)
    assert type(loaded) is type(layer)
    assert repr(loaded) == repr(layer)
    assert {n: (a.data.tobytes(), a.data.dtype) for n, a in loaded.named_arrays()} == {
        n: (a.data.tobytes(), a.data.dtype) for n, a in layer.named_arrays()
    }
    assert not loaded.training
    assert not loaded.recording
    y = layer.eval().forward(x)
    assert loaded.forward(x).tobytes() == y.tobytes()
    assert describe_model(loaded) == describe_model(layer)
    if name != "Embedding":  # and it learns
        dx = layer.freeze(statistics=True).train().backward(np.ones_like(layer.forward(x)))
        again = loaded.freeze(statistics=True).train().backward(np.ones_like(loaded.forward(x)))
        assert again.tobytes() == dx.tobytes()
        for one, other in zip(loaded.parameters(), layer.parameters(), strict=True):
            assert one.grad.tobytes() == other.grad.tobytes()


class Maxout(mn.Layer):
    """The largest of some linear functions; its arguments are attributes of their names."""

    def __init__(self, in_features, out_features, pieces=2, *, rng=None):
        self.in_features, self.out_features, self.pieces = in_features, out_features, pieces
        self.linear = mn.Linear(in_features, out_features * pieces, rng=rng)

    def forward(self, x):
        return self.linear.forward(x).reshape(len(x), self.out_features, self.pieces).max(axis=-1)


def x(features=3, dtype=np.float32):
    return np.random.default_rng(0).normal(size=(5, features)).astype(dtype)


def again(model, tmp_path, **options):
    """Save a model, make it again, and check that both predict the same."""
    mn.save(model, tmp_path / "m.safetensors")
    loaded = mn.load_model(tmp_path / "m.safetensors", **options)
    assert repr(loaded) == repr(model)
    assert np.array_equal(loaded.eval().forward(x()), model.eval().forward(x()))
    return loaded


def test_a_users_class_is_passed_by_its_name(tmp_path):
    model = mn.Sequential(mn.Linear(3, 4, rng=0), Maxout(4, 2, pieces=3, rng=1))
    loaded = again(model, tmp_path, custom={"Maxout": Maxout})
    assert type(loaded.layers[1]) is Maxout
    assert loaded.layers[1].pieces == 3
    with pytest.raises(CheckpointError, match=r"layers\[1\] is a Maxout, a class that is not minnet's: pass it, "):
        mn.load_model(tmp_path / "m.safetensors")


@pytest.mark.parametrize("custom", [[Maxout], Maxout, {"Maxout": 3}, {"Maxout": dict}, {3: Maxout}])
def test_custom_is_a_dict_of_names_and_classes(custom, tmp_path):
    with pytest.raises(TypeError, match="load_model expected custom to "):
        mn.load_model(tmp_path / "nowhere", custom=custom)


def test_a_class_that_keeps_its_argument_elsewhere_says_what_to_do(tmp_path):
    class Scaled(mn.Layer):
        def __init__(self, factor):
            self._f = factor
            self.weight = mn.Parameter(np.ones(3))

        def forward(self, x):
            return x * self.weight.data * self._f

    model = mn.Sequential(Scaled(3.0))
    mn.save(model, tmp_path / "m")  # its weights, as ever
    with pytest.raises(CheckpointError) as caught:
        mn.load_model(tmp_path / "m", custom={"Scaled": Scaled})
    for part in ("layers[0] is a Scaled, whose argument factor is not kept", "self.factor", "mn.load(model, path)"):
        assert part in str(caught.value)
    assert mn.load(mn.Sequential(Scaled(3.0)), tmp_path / "m").layers[0].weight.data.tolist() == [1, 1, 1]

    class Kept(Scaled):
        def arguments(self):
            return {"factor": self._f}

    again(mn.Sequential(Kept(3.0)), tmp_path, custom={"Kept": Kept})


def test_arguments_of_many_kinds(tmp_path):
    class Many(mn.Layer):
        def __init__(self, number, *sizes, options, bound=np.inf, table=None, dtype=np.float32, seed=0, **more):
            self.number, self.sizes, self.options, self.bound = number, sizes, options, bound
            self.more = more
            self.table = mn.Buffer(table)

        def forward(self, x):
            return x

    options = {"a": [1, (2, None)], "b": {"c": "text", "d": [True, -0.0]}, "": mn.Linear(2, 2, rng=0)}
    model = Many(np.float32(0.1), 3, 4, options=options, table=[[1.0, 2.0]], x=1, y=(2,))
    loaded = again(model, tmp_path, custom={"Many": Many})
    assert loaded.options["a"] == [1, (2, None)]
    assert str(loaded.options["b"]["d"]) == "[True, -0.0]"
    assert loaded.number == np.float32(0.1)
    assert (loaded.sizes, loaded.bound, loaded.more) == ((3, 4), np.inf, {"x": 1, "y": (2,)})
    assert np.array_equal(loaded.options[""].weight.data, options[""].weight.data)


@pytest.mark.parametrize("value", [np.tanh, object(), {1: 2}, {1, 2}, np.ones(3), 2**70, b"x", ReferenceError])
def test_a_value_that_no_description_holds(value, tmp_path):
    class Odd(mn.Layer):
        def __init__(self, value):
            self.value = value

    mn.save(Odd(value), tmp_path / "m")
    with pytest.raises(CheckpointError, match="the model is a Odd, whose value is a"):
        mn.load_model(tmp_path / "m", custom={"Odd": Odd})


def test_two_classes_of_one_name(tmp_path):
    model = mn.Sequential(type("Mine", (mn.ReLU,), {})(), type("Mine", (mn.Tanh,), {})())
    mn.save(model, tmp_path / "m")
    with pytest.raises(CheckpointError, match="two of its classes have the name Mine"):
        mn.load_model(tmp_path / "m")


def test_layers_keep_their_names_and_what_was_added_later(tmp_path):
    model = mn.Sequential(encoder=mn.Linear(3, 4, rng=0), head=mn.Sequential(mn.Linear(4, 2, rng=1)))
    model.append(mn.Softmax())
    model["head"].insert(0, mn.Tanh(), name="curve")
    loaded = again(model, tmp_path)
    assert loaded.layers.names == ("encoder", "head", None)
    assert loaded["head"].layers.names == ("curve", None)


def test_parts_of_a_block_that_were_changed(tmp_path):
    block = mn.TransformerBlock(4, 2, 5, rng=0)
    block.attention_norm = mn.RMSNorm(4)
    block.network.append(mn.LayerNorm(4))
    block.attention.dropout = mn.DropPath(0.25)
    model = mn.Sequential(mn.Linear(3, 4, rng=0), mn.Reshape(1, 4), block)
    again(model, tmp_path)


def test_shared_parameters_are_shared_again(tmp_path):
    first, second = mn.Linear(3, 3, rng=0), mn.Linear(3, 3, rng=1)
    second.weight = first.weight
    loaded = again(mn.Sequential(mn.Tied(first, rng=2), first, mn.Sequential(second)), tmp_path)
    tied, first, inner = loaded.layers
    assert tied.weight is first.weight is inner.layers[0].weight
    assert len(loaded.parameters()) == 4
    assert first.bias is not inner.layers[0].bias


def test_what_was_frozen_is_frozen(tmp_path):
    model = mn.Sequential(mn.Linear(3, 3, rng=0), mn.BatchNorm1d(3), mn.Linear(3, 2, rng=0))
    model.layers[0].freeze()
    model.layers[1].freeze(statistics=True)
    loaded = again(model, tmp_path, train=True).train()
    assert [p.trainable for p in loaded.parameters()] == [False] * 4 + [True] * 2
    assert loaded.layers[1].frozen_statistics
    assert not loaded.layers[1].training
    assert loaded.layers[2].training
    assert all(p.trainable for p in loaded.unfreeze().parameters())


def test_what_a_model_expects_comes_with_it(tmp_path):
    model = mn.Sequential(mn.Normalize.of(np.arange(12, dtype=np.uint8).reshape(4, 3), scale=0.5), mn.Linear(3, 2))
    model.input_scale, model.class_names = 0.5, ["no", "yes"]
    loaded = again(model, tmp_path)
    assert (loaded.input_scale, loaded.class_names) == (0.5, ["no", "yes"])
    assert loaded.layers[0].scale == 0.5


def test_it_is_in_eval_mode_unless_it_is_to_train(tmp_path):
    model = mn.Sequential(mn.Linear(3, 3), mn.Dropout(0.5))
    mn.save(model, tmp_path / "m")
    for train in (False, True):
        for _, layer in mn.load_model(tmp_path / "m", train=train).named_layers():
            assert layer.training is layer.recording is train


def test_a_checkpoint_has_its_model_too(tmp_path):
    X, y = np.eye(3, dtype=np.uint8), np.arange(3)
    model = mn.Sequential(mn.Linear(3, 8, rng=0), mn.BatchNorm1d(8), mn.Dropout(0.1, rng=0), mn.Linear(8, 3, rng=0))
    model.class_names = ["a", "b", "c"]
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.Adam(model.parameters()))
    checkpoint = mn.Checkpoint(tmp_path / "run", best="loss", mode="min")
    trainer.fit(mn.DataLoader(X, y, 2, scale=0.5), epochs=2, checkpoint=checkpoint, progress=False)
    for path in (checkpoint.newest, tmp_path / "run" / "best.safetensors"):
        loaded = mn.load_model(path)
        other = mn.load(copy.deepcopy(model), path)
        assert np.array_equal(loaded.forward(x()), other.forward(x()))
        assert loaded.class_names == ["a", "b", "c"]
        assert loaded.input_scale == 0.5


def test_a_model_that_was_loaded_learns_and_is_saved_again(tmp_path):
    X, y = np.eye(3, dtype=np.float32), np.arange(3)
    mn.save(mn.Sequential(mn.Linear(3, 3, rng=0), mn.Dropout(0.2)), tmp_path / "m")
    model = mn.load_model(tmp_path / "m")
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=1.0))
    before = model.layers[0].weight.data.copy()
    trainer.fit(mn.DataLoader(X, y, 3), epochs=3, progress=False)
    assert (model.layers[0].weight.data != before).any()
    again(model, tmp_path)


def test_files_without_a_description(tmp_path):
    from safetensors.numpy import save_file

    save_file({"weight": np.ones(2, np.float32)}, tmp_path / "other", {"model": "x"})
    write_tensors(tmp_path / "old", {"weight": np.ones(2, np.float32)}, {"kind": "weights"})
    for name in ("other", "old"):
        with pytest.raises(CheckpointError, match=rf"{name} does not say how its model is made.*mn\.load\(model"):
            mn.load_model(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        mn.load_model(tmp_path / "nowhere")
    with pytest.raises(IsADirectoryError):
        mn.load_model(tmp_path)


def test_no_class_is_needed_twice_and_no_code_is_in_the_file(tmp_path):
    mn.save(mn.Sequential(mn.Linear(3, 2, rng=0), mn.Softmax()), tmp_path / "m")
    described = json.loads(read_tensors(tmp_path / "m").metadata["model"])
    assert described == {
        "version": 1,
        "model": {
            "class": "Sequential",
            "arguments": {
                "layers": [
                    {"class": "Linear", "arguments": {"in_features": 3, "out_features": 2, "bias": True}},
                    {"class": "Softmax"},
                ]
            },
        },
    }


@pytest.mark.parametrize("named", [True, False], ids=["names", "numbers"])
def test_a_model_with_several_inputs_and_outputs(named, tmp_path):
    path = tmp_path / "m"
    parts = {"image": mn.Linear(4, 2, rng=0), "table": mn.Identity()}
    heads = {"digit": mn.Linear(5, 3, rng=1), "angle": mn.Sequential(mn.Linear(5, 1, rng=2), mn.Tanh())}
    inputs = mn.Inputs(**parts) if named else mn.Inputs(*parts.values())
    model = mn.Sequential(inputs, mn.Heads(**heads) if named else mn.Heads(*heads.values()))
    mn.save(model, path)
    loaded = mn.load_model(path)
    assert repr(loaded) == repr(model)
    x = {"image": np.ones((2, 4), np.float32), "table": np.ones((2, 3), np.float32)}
    y, again = (m.forward(**x) if named else m.forward(*x.values()) for m in (model, loaded))
    assert list(y) == list(again) if named else len(again) == 2
    for key in y if named else (0, 1):
        assert y[key].tobytes() == again[key].tobytes()


@settings(deadline=None, max_examples=20)
@given(data=st.data(), seed=st.integers(0, 99))
def test_a_decoder_is_made_again(data, seed, path):
    """With every option of its blocks: those of a TransformerBlock."""
    options = OPTIONS["TransformerBlock"][1]
    chosen = {name: data.draw(st.integers(0, len(v() if callable(v) else v) - 1)) for name, v in options.items()}
    chosen = {name: (v() if callable(v) else v)[chosen[name]] for name, v in options.items()}
    block = mn.TransformerDecoderBlock(**chosen, rng=seed)
    assert options.keys() == signature_of(type(block)).keys() - {"rng"}
    decoder = mn.Decoder(first=block, second=mn.TransformerDecoderBlock(4, 2, 3, rng=seed + 1), head=mn.Linear(4, 2))
    model = mn.EncoderDecoder(mn.Sequential(mn.TransformerBlock(4, 1, 5, rng=seed), mn.LayerNorm(4)), decoder)
    random = np.random.default_rng(seed)
    for parameter in model.parameters():
        parameter.data = random.uniform(0.5, 2, parameter.data.shape).astype(np.float32)
    mn.save(model, path)
    loaded = mn.load_model(path)
    assert repr(loaded) == repr(model)
    assert describe_model(loaded) == describe_model(model)
    source, target = random.normal(size=(2, 2, 3, 4)).astype(np.float32)
    assert loaded.forward(source, target).tobytes() == model.eval().forward(source, target).tobytes()


def test_an_attention_to_other_vectors_is_made_again(path):
    layer = mn.MultiHeadAttention(4, 2, kdim=3, vdim=5, rng=0)
    mn.save(layer, path)
    loaded = mn.load_model(path)
    x, keys, values = (np.ones((2, 3, size), np.float32) for size in (4, 3, 5))
    y = layer.eval().forward(x, context=keys, values=values)
    assert loaded.forward(x, context=keys, values=values).tobytes() == y.tobytes()
