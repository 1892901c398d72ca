"""The names of a public module: those that TAB shows, and what is said of one that is not there."""

from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import NoReturn

NN = "layers and losses are in minnet itself: mn.Linear, mn.MSELoss"
ARRAYS = "arrays are NumPy's: np.asarray(x, np.float32)"
EVAL = "after model.eval(), forward keeps nothing for backward; model.train() ends that"
OWN = "a class of your own is derived from mn.Layer, with forward and backward; a chain of layers is mn.Sequential"
LABELS = "mn.CrossEntropyLoss() for probabilities, mn.SoftmaxCrossEntropyLoss() for scores; labels are class numbers"
SEEDS = "layers and loaders take rng=0"

# What PyTorch and Keras call it → what to write. Names that are nearly minnet's, such as Conv2D, are found without.
WORDS: dict[str, str] = {
    **dict.fromkeys(("nn", "functional", "F"), NN),
    "optim": "optimizers are in minnet itself: mn.SGD, mn.Adam; schedules in mn.schedules",
    "lr_scheduler": "schedules are in mn.schedules",
    **dict.fromkeys(("Tensor", "tensor", "as_tensor", "from_numpy", "FloatTensor"), ARRAYS),
    **dict.fromkeys(("no_grad", "inference_mode", "set_grad_enabled"), EVAL),
    **dict.fromkeys(
        ("autograd", "GradientTape"), "each layer has its backward: dy = loss.backward(), model.backward(dy)"
    ),
    **dict.fromkeys(("device", "cuda", "mps", "to_device"), "minnet computes on the CPU: leave it out"),
    **dict.fromkeys(("Module", "Model", "Functional"), OWN),
    **dict.fromkeys(("ModuleList", "ModuleDict"), "a layer finds layers in its lists and dicts: self.blocks = [...]"),
    **dict.fromkeys(("manual_seed", "seed", "set_seed", "set_random_seed"), SEEDS),
    **dict.fromkeys(("utils", "Dataset", "TensorDataset"), "mn.DataLoader(X, y, batch_size=128, shuffle=True)"),
    "Dense": "mn.Linear(in_features, out_features), and the activation as the next layer",
    "Activation": "an activation is a layer: mn.ReLU(), mn.Tanh(), mn.Softmax()",
    **dict.fromkeys(("Input", "InputLayer"), "the first layer says how many features it takes: mn.Linear(784, 10)"),
    **dict.fromkeys(("BatchNormalization", "BatchNorm"), "mn.BatchNorm1d(features), or mn.BatchNorm2d(channels)"),
    "LayerNormalization": "mn.LayerNorm",
    "GroupNormalization": "mn.GroupNorm",
    "MaxPooling2D": "mn.MaxPool2d",
    "AveragePooling2D": "mn.AvgPool2d",
    "GlobalAveragePooling2D": "mn.GlobalAvgPool2d",
    "Conv2DTranspose": "mn.ConvTranspose2d",
    "UpSampling2D": "mn.Upsample(scale_factor=2)",
    "ZeroPadding2D": "mn.ZeroPad2d",
    "SimpleRNN": "mn.RNN",
    "Concatenate": "mn.Concat is a container of branches whose outputs are joined",
    "SparseCategoricalCrossentropy": LABELS,
    "CategoricalCrossentropy": LABELS,
    "BinaryCrossentropy": "mn.BCELoss() for probabilities, mn.BCEWithLogitsLoss() for scores",
    **dict.fromkeys(("MeanSquaredError", "mse_loss", "MSE", "mse"), "mn.MSELoss()"),
    **dict.fromkeys(("MeanAbsoluteError", "l1_loss"), "mn.L1Loss()"),
    "Swish": "mn.SiLU()",
    "TransformerEncoderLayer": "mn.TransformerBlock",
    "TransformerDecoderLayer": "mn.TransformerDecoderBlock",
    "TransformerEncoder": "mn.Sequential(mn.TransformerBlock(...), ..., mn.LayerNorm(embed_dim))",
    "TransformerDecoder": "mn.Decoder(mn.TransformerDecoderBlock(...), ..., mn.LayerNorm(embed_dim))",
    "Transformer": "mn.EncoderDecoder(encoder, decoder)",
    "LastStep": "mn.Select(-1), the last step of each sequence, with a mask the last real one",
    **dict.fromkeys(("Lambda", "Slice", "GetItem"), "mn.Select(index, axis) takes one place along an axis"),
    **dict.fromkeys(("RNNCell", "GRUCell", "LSTMCell"), "mn.RNN, mn.GRU and mn.LSTM have step(x_t, state)"),
    "Bidirectional": "mn.LSTM(input_size, hidden_size, bidirectional=True)",
    "TimeDistributed": "layers such as mn.Linear compute each place of a sequence by itself: leave it out",
    "UpsamplingNearest2d": "mn.Upsample(scale_factor=2)",
    "UpsamplingBilinear2d": 'mn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)',
    "interpolate": 'mn.Upsample(scale_factor=2, mode="bilinear")',
    "Unflatten": "mn.Reshape(*shape)",
    "SyncBatchNorm": "mn.BatchNorm2d(channels)",
    "init": "mn.initializers, such as mn.Linear(784, 10, weight_init=mn.initializers.orthogonal())",
    "AUC": "mn.metrics.ROCAUC()",
    "SummaryWriter": "mn.callbacks.TensorBoard(folder)",
    "StandardScaler": "mn.Normalize.of(X), as the first layer",
    **dict.fromkeys(("MLPClassifier", "MLPRegressor"), "mn.sklearn.Classifier() or mn.sklearn.Regressor()"),
    **dict.fromkeys(("one_hot", "to_categorical"), "losses take labels as they are, the numbers of the classes"),
    "set_num_threads": "set OPENBLAS_NUM_THREADS=1 before Python starts; python -m minnet tells more",
    "save_model": "mn.save(model, path)",
    **dict.fromkeys(("export", "to_onnx"), "mn.onnx.export(model, path, input_shape)"),
    "load_state_dict": "model.load_state_dict(state), or mn.load(model, path); for PyTorch's, mn.torch.load_state_dict",
    **dict.fromkeys(("import_model", "import_", "from_onnx"), "mn.onnx.load(path)"),
    **dict.fromkeys(("models", "keras"), "mn.Sequential(layer, ...), and mn.load_model(path)"),
    **dict.fromkeys(("cross_entropy", "nll_loss"), "mn.SoftmaxCrossEntropyLoss(), of scores"),
}


def offer(modules: Mapping[str, ModuleType]) -> None:
    """Let `dir` list each module's ``__all__`` and nothing that it imports, and answer unknown names.

    The modules are given by what users write, such as ``mn.metrics``. Those that have a ``__dir__`` or ``__getattr__``
    keep it.
    """
    for where, module in modules.items():
        module.__dict__.setdefault("__dir__", _lister(module))
        module.__dict__.setdefault("__getattr__", _answerer(where, modules))


def unknown(where: str, name: str, modules: Mapping[str, ModuleType]) -> AttributeError:
    """Return the error for a name that a module has not, with what was probably meant."""
    problem = f"module {modules[where].__name__!r} has no attribute {name!r}"
    if name.startswith("_"):  # Python and notebooks ask for many of these
        return AttributeError(problem)
    return AttributeError(f"{problem}{_cure(where, name, modules)}")


def _lister(module: ModuleType) -> Callable[[], list[str]]:
    return lambda: list(module.__all__)


def _answerer(where: str, modules: Mapping[str, ModuleType]) -> Callable[[str], NoReturn]:
    def answer(name: str) -> NoReturn:
        raise unknown(where, name, modules)

    return answer


def _cure(where: str, name: str, modules: Mapping[str, ModuleType]) -> str:
    import difflib  # 3 ms that only a wrong name needs

    known = dict(_known(modules))
    if name in known:
        return f": it is {known[name]}"
    if name in WORDS:
        return f": {'write ' * WORDS[name].startswith('mn.')}{WORDS[name]}"
    lower: dict[str, list[str]] = {}
    for own, path in known.items():
        lower.setdefault(own.lower(), []).append(path)
    key = name.lower()
    keys = [key] if key in lower else difflib.get_close_matches(key, lower, n=2, cutoff=0.75)
    near = [path for key in keys for path in lower[key]]
    return f"; did you mean {' or '.join(near[:2])}?" if near else f": dir({where}) lists what it has"


def _known(modules: Mapping[str, ModuleType]) -> Iterator[tuple[str, str]]:
    """Yield the public names of all modules, those of the first module last, because its paths are the shortest."""
    for where, module in reversed(list(modules.items())):
        for name in module.__all__:
            yield name, f"{where}.{name}"
