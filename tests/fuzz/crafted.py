"""Crafted checkpoints: a real one with one thing in it replaced, each with correct digests, as an attacker has them.

They are made from the structure of the state and not at random: for each place in the state, values of every other
kind, and numbers, arrays and names that are out of their range.
"""

import contextlib
import copy
import faulthandler
import io
import json
import resource
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mutations import dump

import minnet as mn
from minnet.errors import CheckpointError, CheckpointWarning, NonFiniteError
from minnet.saving.run_state import Snapshot
from minnet.saving.serialize import encode
from minnet.saving.tensorfile import read_tensors, write_tensors

X = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
Y = np.arange(40) % 3
STEPS = 7


EVIL = "\x1b[31m\u202e\r\x00"  # red, from right to left, over what stood there
MOST_SECONDS = 20.0  # for one checkpoint; each takes some hundredths, but a machine may be busy
MOST_MEMORY = 3 << 29  # bytes of the process
PARAMETERS = 7  # of the optimizer
MOST_LETTERS = 2600  # of a message

# What a fit may change before it finds a checkpoint, or what belongs to a batch.
NOT_RESTORED = {
    "layers",
    "X",
    "y",
    "training",
    "recording",
    "frozen_statistics",
    "passes",
    "interrupted",
    "_cache",
    "_plan",
    "_plans",
    "_output",
    "_asked",
}


class Counter(mn.callbacks.Callback):
    """A user's callback, with a place to write to, an array, a Parameter and a method."""

    def __init__(self, path: str) -> None:
        self.out_file = path
        self.label = "training"
        self.sink = None
        self.count = 0
        self.sums = np.zeros(3)
        self.own = mn.Parameter([1.0])
        self.rng = np.random.default_rng(3)

    def on_step_end(self, trainer: Any) -> None:
        """Count."""
        self.count += 1
        self.last = float(self.sums.sum())


class Noise(mn.Layer):
    """A user's layer, with a Parameter, a Generator and a mean of its own."""

    def __init__(self) -> None:
        self.weight = mn.Parameter(np.ones(5))
        self.rng = np.random.default_rng(1)
        self.mean = 0.0

    def forward(self, x: Any) -> Any:
        """Scale."""
        self.cache = x
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * float(x.mean())
        return x * self.weight.data

    def backward(self, dy: Any) -> Any:
        """Scale back."""
        self.weight.grad += (self.cache * dy).sum(axis=0)
        return dy * self.weight.data


class Best:
    """A user's metric that remembers."""

    def __init__(self) -> None:
        self.best = 0.0

    def __call__(self, prediction: Any, target: Any) -> float:
        """Return the best so far."""
        self.best = max(self.best, mn.metrics.accuracy(prediction, target))
        return self.best


class Run:
    """A training run with everything in it that a checkpoint holds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        model = mn.Sequential(
            mn.Linear(4, 5, rng=0), mn.BatchNorm1d(5), Noise(), mn.Dropout(0.2, rng=2), mn.Linear(5, 3, rng=3)
        )
        loss = mn.SoftmaxCrossEntropyLoss(weight=[1.0, 2.0, 1.0])
        optimizer = mn.NAdam(model.parameters(), lr=0.01)
        self.trainer = mn.Trainer(model, loss, optimizer, metrics={"best": Best()})
        callbacks = mn.callbacks
        self.callbacks = [
            callbacks.EMA(0.9),
            callbacks.EarlyStopping("test_loss"),
            callbacks.LearningRate(mn.schedules.StepLR(10), per="step"),
            callbacks.ReduceLROnPlateau("test_loss"),
            callbacks.RunningScore(),
            callbacks.ClipGradNorm(1.0),
            Counter("out.txt"),
            callbacks.CSVLogger(folder / "rows.csv"),
        ]
        self.loader = mn.DataLoader(X, Y, 8, shuffle=True, rng=0)
        self.test = mn.DataLoader(X, Y, 16, rng=4)

    def fit(self, steps: int = STEPS, resume: Any = "auto") -> None:
        """Train, with a checkpoint at the end."""
        checkpoint = mn.Checkpoint(self.folder / "run", keep=9)
        self.trainer.fit(
            self.loader,
            steps=steps,
            every=2,
            evaluate={"test": self.test},
            callbacks=self.callbacks,
            checkpoint=checkpoint,
            resume=resume,
            progress=False,
        )

    def facts(self) -> str:
        """Return everything that a checkpoint could have changed, as text."""
        trainer, shown = self.trainer, []
        objects: list[Any] = [trainer.state, trainer.loss, *self.callbacks, *trainer.metrics.values()]
        objects += [layer for _, layer in trainer.model.named_layers()]
        for thing in (*objects, self.loader, self.test):
            names = sorted(vars(thing).keys() - NOT_RESTORED)
            shown += [(type(thing).__name__, name, _shown(vars(thing)[name])) for name in names]
        weights = [(name, array.data.tobytes().hex()) for name, array in trainer.model.named_arrays()]
        return repr([shown, weights, _shown(trainer.optimizer.state_dict()), list(trainer.history)])


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return repr({name: _shown(item) for name, item in value.items()})
    if isinstance(value, list | tuple):
        return repr([_shown(item) for item in value])
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {value.tobytes().hex()}"
    if isinstance(value, mn.Parameter | mn.Buffer):
        return f"{value!r} {value.data.tobytes().hex()}"
    return repr(value.bit_generator.state if isinstance(value, np.random.Generator) else value)


class Good(NamedTuple):
    """The checkpoint that the others are made from, and the file that a CSVLogger wrote beside it."""

    weights: dict[str, np.ndarray]
    metadata: dict[str, str]
    state: dict[str, Any]
    name: str
    rows: bytes


def good(folder: Path) -> Good:
    """Train, and read the checkpoint of the end."""
    run = Run(folder)
    run.fit()
    (path,) = (folder / "run").glob("step-*.safetensors")
    tensors, metadata = read_tensors(path)
    weights = {name: array.copy() for name, array in tensors.items() if not name.startswith("state/")}
    return Good(weights, metadata, copy.deepcopy(Snapshot(path).state), path.name, (folder / "rows.csv").read_bytes())


def _deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


# What a place in the state is replaced by: a name, and the value.
OTHERS: dict[str, Any] = {
    "text": "x",
    "long text": "\x1b[31m\u202e\n" * 1000,
    "path": "../../somewhere/else",
    "minus": -1,
    "negative": -(2**70),
    "huge": 2**70,
    "float": 0.5,
    "NaN": float("nan"),
    "true": True,
    "none": None,
    "list": [1, 2],
    "deep": _deep(30),
    "dict": {"a": 1},
    "odd keys": {1: "x", (2, 3): "y"},
    "tuple": (None, None),
    "vector": np.zeros(3),
    "matrix": np.zeros((2, 2), np.float32),
    "bytes": np.zeros(7, np.uint8),
    "nothing": np.zeros((9, 0)),
    "generator": np.random.Generator(np.random.MT19937(1)),
}


def walk(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield each place in a state, with what is there; of a long list, the first and the last."""
    yield path, value
    if isinstance(value, dict):
        for key in value:
            yield from walk(value[key], (*path, key))
    elif isinstance(value, list | tuple):
        for i in sorted({0, len(value) - 1}) if value else ():
            yield from walk(value[i], (*path, i))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Return a state with another thing in one place."""
    if not path:
        return new
    if isinstance(value, tuple):
        return tuple(replaced(list(value), path, new))
    value = copy.copy(value)
    key = int(path[0]) if isinstance(value, list) else path[0]
    value[key] = replaced(value[key], path[1:], new)
    return value


def without(value: Any, path: tuple[Any, ...]) -> Any:
    """Return a state without one thing."""
    parent = value
    for key in path[:-1]:
        parent = parent[key]
    if isinstance(parent, dict):
        return replaced(value, path[:-1], {key: item for key, item in parent.items() if key != path[-1]})
    return replaced(value, path[:-1], type(parent)(item for i, item in enumerate(parent) if i != path[-1]))


def anything_anywhere(state: dict[str, Any]) -> Iterator[tuple[str, "Change"]]:
    """Yield a change for each place and each other thing there; and one without it, and one with more in it."""
    for path, there in walk(state):
        where = "/".join(map(str, path))

        def change(new: Any, path: tuple[Any, ...] = path) -> Change:
            return Change(value=replaced(state, path, new), whole=True)

        for name, other in OTHERS.items():
            yield f"{where} = {name}", change(other)
        if path:
            yield f"{where} left out", Change(value=without(state, path), whole=True)
        if isinstance(there, dict):
            yield f"{where} and more", change({**there, "more": 1})
        if isinstance(there, list | tuple):
            yield f"{where} longer", change(type(there)([*there, *(there[-1:] or [1])]))
        if isinstance(there, np.ndarray) and there.ndim:
            yield f"{where} shorter", change(there[:-1])
            yield f"{where} of another dtype", change(there.astype(np.float16))


class Change(NamedTuple):
    """Another value at one place of the state, such as "run/in_epoch"; other weights, or other metadata."""

    place: str = ""
    value: Any = None
    weights: dict[str, np.ndarray] | None = None
    metadata: dict[str, str] = {}
    whole: bool = False  # whether the value is the whole state
    text: Callable[[Any], Any] = lambda json: json  # what becomes of the JSON that `encode` makes

    def write(self, folder: Path, good: Good) -> Path:
        """Write the checkpoint."""
        state: Any = self.value if self.whole else good.state
        if self.place:
            state = replaced(state, tuple(self.place.split("/")), self.value)
        tensors: dict[str, np.ndarray] = {}
        text = dump(self.text(encode(state, tensors, "state")))
        path = folder / "run" / good.name
        path.parent.mkdir(parents=True)
        (folder / "rows.csv").write_bytes(good.rows)
        weights = good.weights if self.weights is None else self.weights
        strings = {key: good.metadata[key] for key in ("kind", "structure")} | {"state": text} | self.metadata
        write_tensors(path, weights | tensors, strings)
        return path


def _with(path: str, value: Any) -> Callable[[Any], Any]:
    """Return a change of the JSON at one place."""

    def change(tree: Any) -> Any:
        *parents, last = path.split("/")
        parent = tree
        for key in parents:
            parent = parent[int(key) if isinstance(parent, list) else key]
        parent[int(last) if isinstance(parent, list) else last] = value
        return tree

    return change


def hostile(good: Good) -> dict[str, Change]:
    """Return the changes that are made to hurt: each must be refused, and take no more than the file's size."""
    order, rows = good.state["run"]["batches"]["order"], len(good.state["history"]["step"][1])
    some = good.weights["layers[0].weight"]
    one = {"$tuple": [None, {"$tensor": "state/history/loss/1"}]}
    counter = "callbacks/6/1"
    changes = {
        "a column without end": Change("history/loss", (None, np.zeros((2**40, 0)))),
        "a column without end, of int64": Change("history/step", (None, np.zeros((2**40, 0), np.int64))),
        "a mask without end": Change("history/loss", (np.zeros((2**40, 0), bool), np.zeros(rows))),
        "a column of rows": Change("history/loss", (None, np.zeros((rows, 100)))),
        "a column of one number": Change("history/loss", (None, np.array(1.0))),
        "a long column of bytes": Change("history/loss", (None, np.zeros(4_000_000, np.uint8))),
        "a history of bytes": Change("history", {"loss": (None, np.zeros(4_000_000, np.uint8))}),
        "a history of None": Change("history", {"loss": (None, [None] * 1_000_000)}),
        "a mask that is shorter": Change("history/loss", (np.ones(rows - 1, bool), np.zeros(rows))),
        "a mask of floats": Change("history/loss", (np.ones(rows), np.zeros(rows))),
        "a mask alone": Change("history/loss", (np.ones(rows, bool), None)),
        "a longer column": Change("history/loss", (None, np.zeros(rows + 1))),
        "5,000 columns of one array": Change(text=_with("history", {f"c{i}": one for i in range(5000)})),
        "an array named twice": Change(text=_with("history/loss/$tuple/1", {"$tensor": "state/history/lr/1"})),
        "weights as a column": Change(text=_with("history/loss/$tuple/1", {"$tensor": "layers[0].bias"})),
        "arrays that nothing names": Change(weights=good.weights | {"state/more": np.zeros(3)}),
        "an order that repeats itself": Change("run/batches/order", np.zeros_like(order)),
        "an order that is shorter": Change("run/batches/order", order[:-1]),
        "a negative order": Change("run/batches/order", order - 40),
        "an order of floats": Change("run/batches/order", order.astype(float)),
        "an order of orders": Change("run/batches/order", order[None]),
        "an order of bytes": Change("run/batches/order", order.astype(np.uint8)),
        "another place in the epoch": Change("run/batches/done", 4),
        "no place in the epoch": Change("run/batches", None),
        "a place without an epoch": Change("run/under_way", False),
        "another bit generator": Change("loader/rng", np.random.Generator(np.random.Philox(1))),
        "another bit generator of a layer": Change("model/layers[3]/rng", np.random.Generator(np.random.SFC64(1))),
        "a Generator for a number": Change("model/layers[3]/p", np.random.default_rng(1)),
        "weights of another dtype": Change(weights=good.weights | {"layers[0].weight": some.astype(np.float64)}),
        "weights of another shape": Change(weights=good.weights | {"layers[0].weight": some.T.copy()}),
        "weights without size": Change(weights=good.weights | {"layers[0].weight": np.zeros((2**40, 0), np.float32)}),
        "weights of one number": Change(weights=good.weights | {"layers[0].weight": np.float32(1)[()]}),
        "missing weights": Change(weights={k: v for k, v in good.weights.items() if k != "layers[0].weight"}),
        "more weights": Change(weights=good.weights | {f"{EVIL}{i}": np.zeros(1) for i in range(20_000)}),
        "an essay as a model": Change(weights={}, metadata={"structure": f"{EVIL}\n" * 100_000}),
        "one line as a model": Change(weights={}, metadata={"structure": EVIL * 100_000}),
        "no state": Change(metadata={"state": ""}),
        "JSON that is none": Change(metadata={"state": f"{{{EVIL}"}),
        "deep JSON": Change(metadata={"state": "[" * 200_000}),
        "a state that is a list": Change(metadata={"state": "[]"}),
        "a key twice": Change(metadata={"state": '{"run": 1, "run": {}}'}),
        "a tag that is none": Change(text=_with("trainer/step", {f"${EVIL}": 1})),
        "a long name": Change("model/layers[2]", {**good.state["model"]["layers[2]"], EVIL * 10_000: 1}),
        "a path for a CSVLogger": Change("callbacks/7/1", {**good.state["callbacks"][7][1], "path": "/tmp/elsewhere"}),
        "a path for nothing": Change(f"{counter}/sink", "../elsewhere"),
        "another name of a file": Change(f"{counter}/out_file", "elsewhere.txt"),
        "a path for a label": Change(f"{counter}/label", "~/elsewhere"),
    }
    for name in ("weight", "forward", "cache", "_cache", "_plan", "__class__", "__dict__", "parameters", "a b"):
        changes[f"{name} of a layer"] = Change("model/layers[2]", {**good.state["model"]["layers[2]"], name: 5})
    for name in ("own", "on_step_end", "state_dict", "__init__", "every_step", "up/down", "../up"):
        changes[f"{name} of a callback"] = Change(counter, {**good.state["callbacks"][6][1], name: 5})
    for name in ("layers", "weight", "more"):
        changes[f"{name} of the model"] = Change("model/", {**good.state["model"][""], name: 5})
        changes[f"{name} of Linear"] = Change("model/layers[0]", {**good.state["model"]["layers[0]"], name: 5})
    for name, values in {
        "run/in_epoch": (10**15, 2**63, 6, -1, 1.0),
        "run/first_step": (8, 2**62, -1, "7"),
        "run/first_epoch": (5, -1),
        "run/row_at": (8, -2),
        "run/skipped": (-1, 8),
        "run/samples": (-1, 2**62),
        "run/seconds": (-1.0, float("inf"), float("nan"), 5),
        "run/loss_sum": ("x", None, 1),
        "run/best": ("x", [1.0], np.zeros(3), ["a", "b", 1.0], ["a", "min", None]),
        "run/settings/every": (3, None),
        "trainer/epoch": (-(2**70), 2**62, -1, 1.5, True),
        "trainer/step": (-1, 2**62, 2**70, 7.0, "7", None),
        "trainer/stopped": (1, "no"),
        "optimizer/groups/0/lr": (float("nan"), -1.0, 0.0, float("inf"), "0.1", None, [0.1], True),
        "optimizer/groups/0/betas": ((0.9,), (0.9, 1.0), (0.9, "x"), 0.9, [0.9, 0.999]),
        "optimizer/groups/0/eps": (-1e-8, float("nan"), None),
        "optimizer/groups/0/weight_decay": (-1.0, "x"),
        "optimizer/groups/0/decay_biases": (1, None),
        "optimizer/groups/0/params": (3, -1, "12"),
        "optimizer/groups": ([], {}, [{}]),
        "optimizer/attributes/state/step": ([], [7], 7, [2**62] * PARAMETERS, [-1] * PARAMETERS, [7.0] * PARAMETERS),
        "optimizer/attributes/state/mean": (
            [None],
            [0.5] * PARAMETERS,
            [np.zeros(3)] * PARAMETERS,
            [np.zeros((4, 5))] * PARAMETERS,
        ),
        "optimizer/attributes/_scratch": ({"first": 5}, None, []),
        "callbacks/0/1/average": ([np.zeros(3, np.float32)], [None] * PARAMETERS),
        "callbacks/1/1/_weights": ([np.zeros(3, np.float32)], [1.0], [None]),
        "callbacks/1/1/best": ("x", [1.0], True, np.zeros(3)),
        "callbacks/1/1/_mode": ("x", None, 1),
        "callbacks/2/1/base_lrs": ([], [0.1, 0.1], [float("nan")], [-1.0], ["x"], None),
        "optimizer/attributes/_default": (1, -1, 0.0),
        "optimizer/attributes/_scheduled": ([], [(0.1, float("nan"))], [(0.1,)], [(-1.0, 0.1)], [None]),
        "callbacks/1/1/best_step": (-1, 1.0, None),
        "callbacks/1/1/patience": (6, None),
        "callbacks/5/1/max_norm": (2.0, -1.0, "x"),
        "callbacks/7/1/size": (-1, 1.5),
        "callbacks/7/1/columns": ([1], None, "step"),
        "model/layers[0]/in_features": (5, None),
        "model/layers[1]/affine": (False,),
        "model/layers[3]/p": (0.5, -1.0, float("nan")),
        "loss//weight": (np.ones(3) * 3, np.ones(2), None),
        "loss//reduction": ("sum", None),
        "loader/batch_size": (1, -1),
        "loader/scale": (2.0, None),
        "sets/test/rng": (None, 5),
        "team": ([[]], {}, None),
    }.items():
        changes |= {f"{name} = {str(value)[:40]}": Change(name, value) for value in values}
    return changes


def attempt(folder: Path) -> tuple[str, str]:
    """Start the run again, with the one checkpoint that is there; return what came of it, and the message."""
    run = Run(folder)
    before = run.facts()
    try:
        with warnings.catch_warnings(action="error"), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore", CheckpointWarning)  # "an older one is tried": there is none
            run.fit(STEPS + 4)
    except CheckpointError as error:
        kind, message = ("refused" if run.facts() == before else "changed"), str(error)
        if len(message) > MOST_LETTERS or not all(letter.isprintable() or letter == "\n" for letter in message):
            kind = "unreadable"
        return kind, message
    except NonFiniteError as error:
        return "diverged", str(error)
    except Exception as error:
        return f"{type(error).__name__}", str(error)
    return "read", ""


def main() -> None:
    """Try those of the checkpoints that are asked for, within limits, and print what came of each as JSON."""
    which, stride = sys.argv[1], int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    with tempfile.TemporaryDirectory() as folder:
        original = good(Path(folder) / "good")
        changes = hostile(original) if which == "hostile" else dict(list(anything_anywhere(original.state))[::stride])
        for number, (name, change) in enumerate(changes.items()):
            place = Path(folder) / str(number)
            change.write(place, original)
            faulthandler.dump_traceback_later(MOST_SECONDS, exit=True)
            kind, message = attempt(place)
            faulthandler.cancel_dump_traceback_later()
            print(json.dumps([name, kind, message]), flush=True)
            shutil.rmtree(place)


if __name__ == "__main__":
    main()
