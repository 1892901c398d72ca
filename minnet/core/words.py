"""A word is a name that PyTorch or Keras has and minnet lacks: whoever reads it is told what to write instead."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from types import MethodType
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

CPU = "minnet computes on the CPU: leave it out"
TRAINER = "trainer = mn.Trainer(model, loss, optimizer), and then trainer.fit(loader, epochs=10)"
HOOKS = "write a layer that calls this one, or a callback with on_step_end(self, trainer)"

OF_LAYERS: dict[str, str] = {
    **dict.fromkeys(("cpu", "cuda", "device", "is_cuda", "mps", "xpu"), CPU),
    "to": f"{CPU}; model.astype(np.float64) converts the dtype",
    **dict.fromkeys(("half", "bfloat16"), "minnet computes in float32 and float64: model.astype(np.float32)"),
    "float": "write model.astype(np.float32)",
    "double": "write model.astype(np.float64)",
    "fit": f"a Trainer trains: {TRAINER}",
    "compile": f"a Trainer has the loss and the optimizer: {TRAINER}",
    "predict": "write trainer.predict(X), or model.eval() and then model(x)",
    "evaluate": "a Trainer evaluates: trainer.evaluate((X, y))",
    "summary": "write mn.summary(model, input_shape), which returns a table as text",
    "count_params": "write sum(p.data.size for p in model.parameters())",
    "add": "write model.append(layer)",
    **dict.fromkeys(("add_module", "register_module"), "write model.append(layer, name), or self.name = layer"),
    "register_parameter": "write self.name = mn.Parameter(values); nothing has to be registered",
    "register_buffer": "write self.name = mn.Buffer(values); nothing has to be registered",
    **dict.fromkeys(("register_forward_hook", "register_full_backward_hook"), HOOKS),
    "requires_grad": "model.freeze() keeps the Parameters as they are, and model.unfreeze() ends that",
    "requires_grad_": "model.freeze() keeps the Parameters as they are, and model.unfreeze() ends that",
    "trainable": "model.freeze() keeps the Parameters as they are, and model.unfreeze() ends that",
    **dict.fromkeys(("modules", "named_modules"), "model.named_layers() walks over (path, layer)"),
    **dict.fromkeys(("children", "named_children"), "iterate over the model itself, or over model.layers"),
    **dict.fromkeys(("get_layer", "get_submodule"), 'write model["name"], or model[0]'),
    "buffers": "model.named_buffers() walks over (path, Buffer)",
    "zero_grad": "write optimizer.zero_grad(), or p.zero_grad() for p in model.parameters()",
    "apply": "write for path, layer in model.named_layers(): ...",
    **dict.fromkeys(("weights", "trainable_weights", "trainable_variables"), "write model.parameters()"),
    "get_weights": "write model.state_dict()",
    "set_weights": "write model.load_state_dict(state)",
    **dict.fromkeys(("save", "save_weights"), "write mn.save(model, path)"),
    **dict.fromkeys(("export", "to_onnx"), "write mn.onnx.export(model, path, input_shape)"),
    "load_weights": "write mn.load(model, path)",
    **dict.fromkeys(("get_config", "to_json"), "mn.save(model, path) writes how it is made, for mn.load_model(path)"),
    **dict.fromkeys(("predict_proba", "score", "partial_fit"), "mn.sklearn.Classifier() is an estimator, and has it"),
    **dict.fromkeys(("input_shape", "output_shape"), "mn.summary(model, input_shape) shows the shapes of all layers"),
}

OF_OPTIMIZERS: dict[str, str] = {
    "learning_rate": "write optimizer.lr",
    "add_param_group": "make the optimizer anew, with all Parameters: mn.SGD(model.parameters(), lr=0.1)",
    **dict.fromkeys(
        ("minimize", "apply_gradients"), "write optimizer.zero_grad(), model.backward(dy), optimizer.step()"
    ),
}

OF_LOSS_VALUES: dict[str, str] = {
    "backward": "the loss has it, write model.backward(loss.backward())",
    **dict.fromkeys(("item", "detach", "cpu", "numpy"), "it is a number of Python's: leave it out"),
}

OF_HISTORIES: dict[str, str] = {
    "history": 'write history.column("loss"), or history[-1]["loss"]',
    "plot": "write mn.plots.curves(history)",
}

OF_ARRAYS: dict[str, str] = {
    **dict.fromkeys(("cpu", "cuda", "device", "to"), CPU),
    **dict.fromkeys(("numpy", "detach", "value"), "write .data, which is NumPy's array"),
    "clone": "write .data.copy()",
    "numel": "write .data.size",
    **dict.fromkeys(("assign", "copy_", "fill_", "zero_"), "write .data = values, or .data[...] = 0"),
}

OF_PARAMETERS: dict[str, str] = {
    "requires_grad": "write p.trainable",
    "requires_grad_": "write p.trainable = True, or False",
}

OF_ARGUMENTS: dict[str, str] = {
    "device": CPU,
    "dtype": "write layer.astype(np.float64), or leave it out, which is float32",
    "inplace": "no layer writes into its input, leave it out",
    "dim": "an axis is called axis, if there is a choice; Softmax and LogSoftmax work along the last one",
    "return_indices": "forward returns y only, leave it out",
    "recompute_scale_factor": "leave it out, or pass size",
    "padding_mode": "the border is zeros, leave it out",
    **dict.fromkeys(("size_average", "reduce"), "write reduction='mean', 'sum' or 'none'"),
    **dict.fromkeys(("foreach", "fused", "capturable", "differentiable"), "a step is NumPy's, leave it out"),
    **dict.fromkeys(
        ("num_workers", "prefetch_factor", "persistent_workers", "pin_memory", "worker_init_fn", "timeout"),
        "the data are arrays in memory, leave it out; PyTorch's own DataLoader is a loader of fit, too",
    ),
    "collate_fn": "write collate",
    "generator": "write rng=0",
    **dict.fromkeys(("sampler", "batch_sampler"), 'write shuffle=True, "resampled" or "bucketed"'),
    "maximize": "a step makes the loss smaller: pass model.backward the gradient of its negative",
}

SET = frozenset(("learning_rate", "requires_grad", "trainable"))  # elsewhere, these are set, and that has an effect


class Word:
    """An attribute that is not there, and says why. A class or an object of a user's may have it all the same."""

    def __init__(self, name: str, problem: str) -> None:
        self.name = name
        self.problem = problem

    def __get__(self, owner: object, kind: type) -> Any:
        raise self.error(kind)

    def error(self, kind: type) -> AttributeError:
        """Return the error for an object of this class."""
        return AttributeError(self.problem.replace("KIND", kind.__name__))


class SetWord(Word):
    """A word that must not be set either, because that would have no effect, and nobody would notice."""

    def __get__(self, owner: object, kind: type) -> Any:
        if self.name in getattr(owner, "__dict__", ()):
            return vars(owner)[self.name]
        raise self.error(kind)

    def __set__(self, owner: object, value: object) -> None:
        if type(owner).__module__.partition(".")[0] == "minnet":
            raise self.error(type(owner))
        vars(owner)[self.name] = value  # a class of a user's may mean something by it


def answer(kind: type, words: Mapping[str, str]) -> None:
    """Give a class these words.

    As attributes of the class, because with a `__getattr__` Python would take longer for all other attributes, too.
    """
    for name, cure in words.items():
        if name not in vars(kind):
            setattr(kind, name, (SetWord if name in SET else Word)(name, f"KIND has no attribute {name!r}: {cure}"))


def refusing(words: Mapping[str, str]) -> Callable[[F], F]:
    """Let a method answer arguments of these names, which PyTorch has and it has not, with what to do instead."""

    def decorated(method: F) -> F:
        @wraps(method)
        def answering(self: Any, /, *arguments: Any, **named: Any) -> Any:
            for name in named:
                if name in words:
                    raise TypeError(f"{type(self).__name__} has no argument {name!r}: {words[name]}")
            return method(self, *arguments, **named)

        refused: Any = answering
        refused.words = words
        return refused  # type: ignore[no-any-return]

    return decorated


def answer_arguments(namespace: Mapping[str, Any]) -> None:
    """Let the constructors of a room's public classes say what their arguments are, if they are called with others.

    Python's own error names the class that has the `__init__`, which may be a private base, and counts `self`.
    """
    for name, kind in namespace.items():
        if isinstance(kind, type) and not name.startswith("_"):
            own: Any = kind.__init__  # type: ignore[misc]
            constructor = _without_arguments(kind) if own is object.__init__ else _explaining(kind.__name__, own)
            kind.__init__ = constructor  # type: ignore[misc]


def _without_arguments(kind: Any) -> Callable[..., None]:
    """Return a constructor for a class that has none; a class of a user's may inherit one from another base, too."""

    def constructor(self: Any) -> None:
        """Take no arguments."""

    explaining = _explaining(kind.__name__, constructor)

    @wraps(constructor)
    def passing_on(self: Any, /, *arguments: Any, **named: Any) -> None:
        following: Any = super(kind, self).__init__
        (following if hasattr(following, "__func__") else MethodType(explaining, self))(*arguments, **named)

    return passing_on


def _explaining(owner: str, constructor: Callable[..., None]) -> Callable[..., None]:
    @wraps(constructor)
    def explaining(self: Any, /, *arguments: Any, **named: Any) -> None:
        try:
            constructor(self, *arguments, **named)
        except TypeError:
            problem = _misfit(owner, constructor, (self, *arguments), named)
            if problem is None:
                raise
            raise TypeError(problem) from None

    return explaining


def _misfit(
    owner: str, constructor: Callable[..., None], arguments: tuple[Any, ...], named: dict[str, Any]
) -> str | None:
    """Say what is wrong with the arguments of a call; None if their number and their names are right."""
    signature = inspect.signature(constructor)
    try:
        signature.bind(*arguments, **named)
    except TypeError as error:
        words = OF_ARGUMENTS | getattr(constructor, "words", {})
        for name in named:
            if name in words and name not in signature.parameters:
                return f"{owner} has no argument {name!r}: {words[name]}"
        own = [p.replace(annotation=p.empty) for p in list(signature.parameters.values())[1:]]
        return f"{owner}: {error}; write {owner}{inspect.Signature(own)}"
    return None


def is_word(kind: type, name: str) -> bool:
    """Whether an attribute of a class is one of these, so that the class does not have it."""
    return isinstance(inspect.getattr_static(kind, name, None), Word)


def without_words(owner: object, names: Iterable[str]) -> list[str]:
    """Return the names of an object's attributes that it has, for its `__dir__`."""
    own = getattr(owner, "__dict__", {})
    return [name for name in names if name in own or not is_word(type(owner), name)]
