"""Every layer of minnet is made again from its file, with every option: a new one needs a line in OPTIONS."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minnet as mn
from minnet.core.arguments import is_drawn, signature_of
from minnet.saving.description import OWN, describe_model

BOTH = [True, False]
TABLE, IMAGES, SIGNALS, SEQUENCES = (4, 6), (2, 4, 6, 6), (2, 4, 9), (2, 3, 4)
POINTWISE = [TABLE, IMAGES]
POOLING = {"kernel_size": [2, (2, 3)], "stride": [None, 1, (2, 1)], "padding": [0, 1, (1, 0)]}
NORM = {"eps": [1e-5, 0.125], "affine": BOTH, "bias": BOTH}
RECURRENT = {"input_size": [4], "hidden_size": [1, 3], "bias": BOTH}
CONVOLUTION = {
    "in_channels": [4],
    "out_channels": [2, 4],
    "stride": [1, 2],
    "dilation": [1, 2],
    "groups": [1, 2],
    "bias": BOTH,
}


def parts():
    """Return new layers that keep the shape of a table."""
    return [mn.Linear(6, 6, rng=3), mn.Sequential(mn.Tanh(), mn.Linear(6, 6, rng=4)), mn.ReLU()]


# Class → the shapes of its inputs, and for each argument some values. Functions make what cannot be used twice.
OPTIONS = {
    "Linear": ([TABLE], {"in_features": [6], "out_features": [1, 5], "bias": BOTH}),
    "ReLU": (POINTWISE, {}),
    "Sigmoid": (POINTWISE, {}),
    "Tanh": (POINTWISE, {}),
    "LeakyReLU": (POINTWISE, {"negative_slope": [0.25, 0, -1.5]}),
    "Hardtanh": (POINTWISE, {"min_val": [-2, -0.1], "max_val": [0, 3.5]}),
    "ReLU6": (POINTWISE, {}),
    "ELU": (POINTWISE, {"alpha": [1, 0.3]}),
    "GELU": (POINTWISE, {"approximate": ["none", "tanh"]}),
    "SELU": (POINTWISE, {}),
    "SiLU": (POINTWISE, {}),
    "Softplus": (POINTWISE, {"beta": [1, 0.3], "threshold": [20, 1e30]}),
    "Softmax": ([TABLE], {}),
    "LogSoftmax": ([TABLE], {}),
    "Flatten": (POINTWISE, {}),
    "Identity": (POINTWISE, {}),
    "Reshape": ([TABLE], {"shape": [(6,), (2, 3), (-1, 2)]}),
    "Permute": ([SEQUENCES], {"axes": [(0, 2, 1), (0, 1, 2), (0, -1, 1)]}),
    "Dropout": (POINTWISE, {"p": [0, 0.9]}),
    "Dropout2d": ([IMAGES], {"p": [0, 0.9]}),
    "DropPath": (POINTWISE, {"p": [0, 0.9]}),
    "Add": ([TABLE], {"layers": parts}),
    "Concat": ([TABLE], {"layers": parts, "axis": [-1, 1]}),
    "Sequential": ([TABLE], {"layers": parts}),
    "Residual": ([TABLE], {"layers": parts}),
    "Tied": ([TABLE], {"layer": lambda: [mn.Linear(4, 6, rng=5)], "bias": BOTH}),
    "Conv1d": ([SIGNALS], CONVOLUTION | {"kernel_size": [2, (3,)], "padding": [0, (2,)]}),
    "Conv2d": ([IMAGES], CONVOLUTION | {"kernel_size": [2, (1, 3)], "padding": [0, 1, (2, 1), "valid"]}),
    "ConvTranspose2d": (
        [IMAGES],
        CONVOLUTION | {"kernel_size": [3, (2, 3)], "padding": [0, (1, 0)], "stride": [2, 3], "output_padding": [0, 1]},
    ),
    "MaxPool2d": ([IMAGES], POOLING),
    "AvgPool2d": ([IMAGES], POOLING | {"count_include_pad": BOTH}),
    "AdaptiveAvgPool2d": ([IMAGES], {"output_size": [1, (2, 3), (None, 2)]}),
    "GlobalAvgPool2d": ([IMAGES], {}),
    "BatchNorm1d": (
        [TABLE],
        NORM | {"num_features": [6], "momentum": [0.1, None, 1], "track_running_stats": BOTH},
    ),
    "BatchNorm2d": (
        [IMAGES],
        NORM | {"num_features": [4], "momentum": [0.1, None, 1], "track_running_stats": BOTH},
    ),
    "GroupNorm": ([IMAGES], NORM | {"num_groups": [1, 2], "num_channels": [4]}),
    "LayerNorm": (
        [IMAGES],
        {"normalized_shape": [6, (6, 6), [4, 6, 6]], "eps": [0.5], "elementwise_affine": BOTH, "bias": BOTH},
    ),
    "RMSNorm": ([IMAGES], {"normalized_shape": [6, (6, 6)], "eps": [None, 0.5], "elementwise_affine": BOTH}),
    "Normalize": (
        [SEQUENCES],
        {"mean": [[1.0, 2, 3]], "std": [2, [0.1, 0.2, 0.3]], "axis": [1, (1,), -2], "scale": [None, 1 / 255]},
    ),
    "Embedding": ([(2, 3)], {"num_embeddings": [9], "embedding_dim": [1, 3], "padding_idx": [None, 0, -1]}),
    "LearnedPosition": ([SEQUENCES], {"max_length": [3, 8], "embed_dim": [4]}),
    "SinusoidalPosition": ([SEQUENCES], {"embed_dim": [4]}),
    "MultiHeadAttention": (
        [SEQUENCES],
        {"embed_dim": [4], "num_heads": [1, 2], "bias": BOTH, "causal": BOTH, "dropout": [0, 0.3]},
    ),
    "TransformerBlock": (
        [SEQUENCES],
        {
            "embed_dim": [4],
            "num_heads": [1, 2],
            "hidden": [5],
            "dropout": [0, 0.3],
            "causal": BOTH,
            "norm_first": BOTH,
            "activation": lambda: [None, mn.GELU("tanh"), mn.Sequential(mn.Tanh(), mn.LayerNorm(5))],
        },
    ),
    "RNN": ([SEQUENCES], RECURRENT | {"nonlinearity": ["tanh", "relu"]}),
    "GRU": ([SEQUENCES], RECURRENT),
    "LSTM": ([SEQUENCES], RECURRENT),
}


def test_every_layer_and_every_option_is_tried():
    assert OPTIONS.keys() == OWN.keys()
    for name, kind in OWN.items():
        drawn = {argument for argument in signature_of(kind) if is_drawn(argument)}
        assert OPTIONS[name][1].keys() == signature_of(kind).keys() - drawn - {"named"}, name


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("models") / "model.safetensors"


def made(name, draw):
    """Make a layer with options that are drawn."""
    chosen = {}
    for argument, values in OPTIONS[name][1].items():
        chosen[argument] = draw(st.sampled_from(range(len(values() if callable(values) else values))))
        chosen[argument] = (values() if callable(values) else values)[chosen[argument]]
    positional = []
    for argument, parameter in signature_of(OWN[name]).items():
        if parameter.kind is parameter.VAR_POSITIONAL:
            value = chosen.pop(argument)
            positional = value if isinstance(value, tuple) else [value]
    return OWN[name](*positional, **chosen)


@pytest.mark.parametrize("name", sorted(OWN))
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
