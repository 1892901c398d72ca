"""Every public layer with all of its options, for the tests that must not miss a new one: a line in OPTIONS."""

import numpy as np
from hypothesis import strategies as st

import minnet as mn
from minnet.core.arguments import signature_of
from minnet.layers.normalization.batch_norm import ChannelNorm
from minnet.saving.description import OWN

BOTH = [True, False]
TABLE, IMAGES, SIGNALS, SEQUENCES = (4, 6), (2, 4, 6, 6), (2, 4, 9), (2, 3, 4)
VOLUMES = (2, 4, 3, 4, 4)
POINTWISE = [TABLE, IMAGES]
POOLING = {"kernel_size": [2, (2, 3)], "stride": [None, 1, (2, 1)], "padding": [0, 1, (1, 0)], "ceil_mode": BOTH}
POOLING1 = {"kernel_size": [2, (3,)], "stride": [None, 1, (2,)], "padding": [0, (1,)], "ceil_mode": BOTH}
POOLING3 = {"kernel_size": [2, (2, 3, 2)], "stride": [None, (2, 1, 1)], "padding": [0, (1, 0, 1)], "ceil_mode": BOTH}
MEANS = {"count_include_pad": BOTH, "divisor_override": [None, 3]}
NORM = {"eps": [1e-5, 0.125], "affine": BOTH, "bias": BOTH}
RECURRENT = {
    "input_size": [4],
    "hidden_size": [1, 3],
    "num_layers": [1, 3],
    "bias": BOTH,
    "dropout": [0, 0.3],
    "bidirectional": BOTH,
}
CONVOLUTION = {
    "in_channels": [4],
    "out_channels": [2, 4],
    "stride": [1, 2],
    "dilation": [1, 2],
    "groups": [1, 2],
    "bias": BOTH,
}
MODES = {"padding_mode": ["zeros", "reflect", "replicate", "circular"]}
STATISTICS = {"momentum": [0.1, 1], "track_running_stats": BOTH}
PADS = {
    f"{kind}Pad{len(pixels)}d": ([(2, 4, *pixels)], {"padding": [0, 1, (1, 2, 0, 1, 1, 0)[: 2 * len(pixels)]]} | more)
    for kind, more in {
        "Constant": {"value": [0.0, -2.5]}, "Zero": {}, "Reflection": {}, "Replication": {}, "Circular": {}
    }.items()
    for pixels in ((9,), (6, 6), (3, 4, 4))
}  # fmt: skip


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
    "CELU": (POINTWISE, {"alpha": [1, 0.25]}),
    "Mish": (POINTWISE, {}),
    "Hardswish": (POINTWISE, {}),
    "Hardsigmoid": (POINTWISE, {}),
    "Hardshrink": (POINTWISE, {"lambd": [0, 0.5]}),
    "Softshrink": (POINTWISE, {"lambd": [0, 0.5]}),
    "Threshold": (POINTWISE, {"threshold": [0, -0.5], "value": [0, 3.5]}),
    "LogSigmoid": (POINTWISE, {}),
    "Softsign": (POINTWISE, {}),
    "Tanhshrink": (POINTWISE, {}),
    "PReLU": ([IMAGES], {"num_parameters": [1, 4], "init": [0.25, -1]}),
    "GLU": (POINTWISE, {"axis": [-1, 1]}),
    "Softmax": ([TABLE], {}),
    "LogSoftmax": ([TABLE], {}),
    "Flatten": (POINTWISE, {}),
    "Identity": (POINTWISE, {}),
    "Reshape": ([TABLE], {"shape": [(6,), (2, 3), (-1, 2)]}),
    "Permute": ([SEQUENCES], {"axes": [(0, 2, 1), (0, 1, 2), (0, -1, 1)]}),
    "Dropout": (POINTWISE, {"p": [0, 0.9, 1]}),
    "Dropout2d": ([IMAGES], {"p": [0, 0.9, 1]}),
    "DropPath": (POINTWISE, {"p": [0, 0.9, 1]}),
    "Add": ([TABLE], {"layers": parts}),
    "Concat": ([TABLE], {"layers": parts, "axis": [-1, 1]}),
    "Sequential": ([TABLE], {"layers": parts}),
    "Residual": ([TABLE], {"layers": parts}),
    "Tied": ([TABLE], {"layer": lambda: [mn.Linear(4, 6, rng=5)], "bias": BOTH}),
    "Conv1d": ([SIGNALS], CONVOLUTION | MODES | {"kernel_size": [2, (3,)], "padding": [0, (2,)]}),
    "Conv2d": ([IMAGES], CONVOLUTION | MODES | {"kernel_size": [2, (1, 3)], "padding": [0, 1, (2, 1), "valid"]}),
    "Conv3d": ([VOLUMES], CONVOLUTION | MODES | {"kernel_size": [2, (1, 2, 2)], "padding": [1, (1, 0, 1), "valid"]}),
    "ConvTranspose1d": (
        [SIGNALS],
        CONVOLUTION | {"kernel_size": [3, (2,)], "padding": [0, (1,)], "stride": [2, (3,)], "output_padding": [0, 1]},
    ),
    "ConvTranspose2d": (
        [IMAGES],
        CONVOLUTION | {"kernel_size": [3, (2, 3)], "padding": [0, (1, 0)], "stride": [2, 3], "output_padding": [0, 1]},
    ),
    "MaxPool1d": ([SIGNALS], POOLING1 | {"dilation": [1, 2]}),
    "MaxPool2d": ([IMAGES], POOLING | {"dilation": [1, (2, 1)]}),
    "MaxPool3d": ([VOLUMES], POOLING3 | {"dilation": [1]}),
    "AvgPool1d": ([SIGNALS], POOLING1 | {"count_include_pad": BOTH}),
    "AvgPool2d": ([IMAGES], POOLING | MEANS),
    "AvgPool3d": ([VOLUMES], POOLING3 | MEANS),
    "AdaptiveAvgPool1d": ([SIGNALS], {"output_size": [1, (4,)]}),
    "AdaptiveAvgPool2d": ([IMAGES], {"output_size": [1, (2, 3), (None, 2)]}),
    "AdaptiveAvgPool3d": ([VOLUMES], {"output_size": [1, (2, None, 3)]}),
    "AdaptiveMaxPool1d": ([SIGNALS], {"output_size": [1, (4,)]}),
    "AdaptiveMaxPool2d": ([IMAGES], {"output_size": [1, (2, 3), (None, 2)]}),
    "AdaptiveMaxPool3d": ([VOLUMES], {"output_size": [1, (2, None, 3)]}),
    "GlobalAvgPool2d": ([IMAGES], {}),
    "BatchNorm1d": (
        [TABLE],
        NORM | {"num_features": [6], "momentum": [0.1, None, 1], "track_running_stats": BOTH},
    ),
    "BatchNorm2d": (
        [IMAGES],
        NORM | {"num_features": [4], "momentum": [0.1, None, 1], "track_running_stats": BOTH},
    ),
    "BatchNorm3d": ([VOLUMES], NORM | STATISTICS | {"num_features": [4]}),
    "InstanceNorm1d": ([SIGNALS], NORM | STATISTICS | {"num_features": [4]}),
    "InstanceNorm2d": ([IMAGES], NORM | STATISTICS | {"num_features": [4]}),
    "InstanceNorm3d": ([VOLUMES], NORM | STATISTICS | {"num_features": [4]}),
    **PADS,
    "Upsample": (
        [IMAGES],
        {"size": [None], "scale_factor": [2, (1.5, 0.5)], "mode": ["bilinear"], "align_corners": [None, *BOTH]},
    ),
    "PixelShuffle": ([IMAGES], {"upscale_factor": [1, 2]}),
    "PixelUnshuffle": ([IMAGES], {"downscale_factor": [1, 3]}),
    "ChannelShuffle": ([IMAGES], {"groups": [1, 2]}),
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
        {
            "embed_dim": [4],
            "num_heads": [1, 2],
            "bias": BOTH,
            "causal": BOTH,
            "dropout": [0, 0.3],
            "kdim": [None, 4],
            "vdim": [None, 4],
        },
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
            "activation": lambda: [None, "gelu", mn.GELU("tanh"), mn.Sequential(mn.Tanh(), mn.LayerNorm(5))],
            "layer_norm_eps": [1e-5, 0.125],
            "bias": BOTH,
        },
    ),
    "RNN": ([SEQUENCES], RECURRENT | {"nonlinearity": ["tanh", "relu"]}),
    "GRU": ([SEQUENCES], RECURRENT),
    "LSTM": ([SEQUENCES], RECURRENT),
    "Select": ([SEQUENCES], {"index": [0, 2, -1], "axis": [1, 2, -1]}),
    "PoolTime": ([SEQUENCES], {"how": ["mean", "max", "last"]}),
}


# What returns or takes several arrays: test_a_model_with_several_inputs_and_outputs, test_a_decoder_is_made_again
SEVERAL = {"Heads", "Inputs", "TransformerDecoderBlock", "Decoder", "EncoderDecoder"}
# Their tests are in tests/layers/containers/test_graph.py, and tests/onnx/reading/test_table.py.
SEVERAL |= {"Graph", "Sum", "Subtract", "Multiply", "Divide", "MatMul"}


def made(name, draw):
    """Make a layer with options that are drawn."""
    chosen = {}
    for argument, values in OPTIONS[name][1].items():
        chosen[argument] = draw(st.sampled_from(range(len(values() if callable(values) else values))))
        chosen[argument] = (values() if callable(values) else values)[chosen[argument]]
    if chosen.get("num_layers") == 1:
        chosen["dropout"] = 0  # which is between the layers
    return make(name, chosen)


def make(name, chosen):
    """Make a layer with these options."""
    positional = []
    for argument, parameter in signature_of(OWN[name]).items():
        if parameter.kind is parameter.VAR_POSITIONAL:
            value = chosen.pop(argument)
            positional = value if isinstance(value, tuple) else [value]
    return OWN[name](*positional, **chosen)


def trained(layer, rng, dtype=np.float32):
    """Give the arrays of a layer other values, as some training would."""
    for _, array in layer.astype(dtype).named_arrays():
        shape = array.data.shape
        if isinstance(array, mn.Buffer):  # a mean, a variance, a deviation
            array.data = rng.uniform(0.5, 2, shape).astype(dtype)
        else:
            array.data = (array.data * rng.uniform(0.5, 1.5, shape) + rng.normal(0, 0.1, shape)).astype(dtype)
    return layer


def a_layer(name, draw, dtype):
    """Draw a layer of a class with options and numbers, and an input of it."""
    random = np.random.default_rng(draw(st.integers(0, 99)))
    layer = trained(made(name, draw), random, dtype)
    for _, inner in layer.named_layers():
        if isinstance(inner, ChannelNorm) and inner.num_batches_tracked is not None:
            inner.num_batches_tracked.data = 7
    shape = draw(st.sampled_from(OPTIONS[name][0]))
    return layer, random.integers(0, 9, shape) if name == "Embedding" else random.normal(size=shape).astype(dtype)
