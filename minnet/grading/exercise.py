"""An exercise says which layers are asked for, on what they are checked, and what each check is worth."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from minnet.grading import expressions, yaml_lines
from minnet.grading.sandbox.limits import Limits
from minnet.grading.yaml_lines import Section
from minnet.inspection.gradcheck import CHECKS
from minnet.version import __version__

VALUES, TRAINING, GRADIENTS, REQUIREMENTS = "values", "training", "gradients", "requirements"
_QUESTION = ("name", "class", "arguments", "inputs", "points", "reference", "expected", "not_to_use", "train", "seed")
_UNITS = {"KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}


@dataclass(frozen=True)
class Input:
    """An array that a layer is given: drawn anew for each question, or as it is written."""

    shape: tuple[int, ...] = ()
    dtype: str = "float64"
    low: float | None = None
    high: float | None = None
    values: Any = None

    def draw(self, rng: np.random.Generator) -> Any:
        """Return the array: standard normal floats, or uniform between the bounds; integers include both bounds."""
        if self.values is not None:
            return np.array(self.values, self.dtype)
        if np.dtype(self.dtype).kind in "iu":
            return rng.integers(int(self.low or 0), int(self.high or 1), self.shape, endpoint=True).astype(self.dtype)
        if self.low is None or self.high is None:
            return rng.normal(size=self.shape).astype(self.dtype)
        return rng.uniform(self.low, self.high, self.shape).astype(self.dtype)


@dataclass(frozen=True)
class Train:
    """A short training with the layer in a model: on what, how long, and how many points an accuracy gives."""

    model: tuple[str, ...]
    points: dict[float, float]
    data: str = "digits"
    samples: int = 3000
    epochs: int = 3
    seconds: float = 10.0
    lr: float = 0.1

    @property
    def out_of(self) -> float:
        """The points of the highest accuracy."""
        return max(self.points.values())


@dataclass(frozen=True)
class Question:
    """A layer that is asked for."""

    name: str
    class_name: str
    arguments: tuple[Any, ...]
    named: dict[str, Any]
    inputs: tuple[Input, ...]
    points: dict[str, float]
    reference: Callable[..., Any] | None = None
    expected: Any = None
    not_to_use: tuple[str, ...] = ()
    train: Train | None = None
    seed: int = 0

    @property
    def out_of(self) -> float:
        """The points that a right layer gets."""
        return sum(self.points.values()) + (self.train.out_of if self.train else 0.0)

    @property
    def knows_values(self) -> bool:
        """Whether what forward has to compute is known."""
        return self.reference is not None or self.expected is not None


@dataclass(frozen=True)
class Exercise:
    """The questions of one sheet, and what a student's process may use."""

    title: str
    questions: tuple[Question, ...]
    limits: Limits = field(default_factory=Limits)
    digest: str = ""
    hidden: tuple[str, ...] = ()
    file: str = ""

    @property
    def out_of(self) -> float:
        """The points of all questions."""
        return sum(question.out_of for question in self.questions)


def read(path: str | Path) -> Exercise:
    """Read an exercise from a YAML file; docs/grading.md lists its keys.

    Raises
    ------
    ValueError
        If a key is missing, unknown or wrong. The message has one line, and names the key and the line.
    MissingExtraError
        If PyYAML is not installed.
    OSError
        If a file cannot be read.
    """
    path = Path(path)
    file = yaml_lines.read(path)
    file.only(("title", "file", "limits", "questions"))
    questions = tuple(_question(section, path.parent) for section in file.sections("questions"))
    names = [question.name for question in questions]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"{path.name}: two questions have the name {min(twice)!r}: give each a name of its own")
    hidden = [path, *_files_of_the_teacher(file.sections("questions"), path.parent)]
    digest = hashlib.sha256(__version__.encode() + b"".join(found.read_bytes() for found in hidden)).hexdigest()
    limits = _limits(file.section("limits")) if "limits" in file else Limits()
    paths = tuple(str(found.resolve()) for found in hidden)
    return Exercise(file.text("title", path.stem), questions, limits, digest, paths, file.text("file", ""))


def _limits(section: Section) -> Limits:
    section.only(("seconds", "memory"))
    text = section.text("memory", "1 GB")
    number, _, unit = text.partition(" ")
    if unit not in _UNITS or not number.isdigit():
        section.wrong("memory", "a size such as '1 GB' or '500 MB'")
    return Limits(section.number("seconds", Limits().seconds), int(number) * _UNITS[unit])


def _question(section: Section, folder: Path) -> Question:
    section.only(_QUESTION)
    class_name = section.text("class")
    arguments = section.value("arguments", [])
    if not isinstance(arguments, list | dict):
        section.wrong("arguments", "a list of values, or names with values")
    inputs = tuple(_input(item) for item in section.sections("inputs"))
    reference = section.text("reference") if "reference" in section else ""
    not_to_use = _not_to_use(section, reference)
    knows = bool(reference) or "expected" in section
    train = _train(section.section("train"), folder) if "train" in section else None
    if "expected" in section and any(item.values is None for item in inputs):
        section.wrong("expected", "inputs that all have 'values', because the expected values belong to them")
    return Question(
        section.text("name", class_name),
        class_name,
        tuple(arguments) if isinstance(arguments, list) else (),
        arguments if isinstance(arguments, dict) else {},
        inputs,
        _points(section, knows),
        expressions.reference(section, "reference", folder) if reference else None,
        section.value("expected"),
        not_to_use,
        train,
        int(section.number("seed", 0)),
    )


def _not_to_use(section: Section, reference: str) -> tuple[str, ...]:
    """Return the layers of minnet that the student's layer may not call: the reference, and those that are listed."""
    listed = section.value("not_to_use", [])
    if not isinstance(listed, list):
        section.wrong("not_to_use", "a list of layers of minnet, such as [mn.Linear]")
    names = [str(name) for name in (*listed, *([reference] if reference.startswith("mn.") else []))]
    for name in listed:
        if not expressions.is_layer(str(name)):
            section.wrong("not_to_use", "layers of minnet, such as mn.Linear", name)
    return tuple(name.partition("(")[0].removeprefix("mn.") for name in names)


def _input(section: Section) -> Input:
    section.only(("shape", "dtype", "low", "high", "values"))
    shape, dtype = section.value("shape", []), section.text("dtype", "float64")
    if dtype not in ("float32", "float64", "int32", "int64", "uint8", "bool"):
        section.wrong("dtype", "float32, float64, int32, int64, uint8 or bool")
    if "values" in section:
        try:
            return Input(dtype=dtype, values=np.array(section.value("values"), dtype).tolist())
        except (TypeError, ValueError):
            section.wrong("values", f"numbers in a list, or in lists of one length, for {dtype}")
    if not isinstance(shape, list) or not shape or not all(type(n) is int and n > 0 for n in shape):
        section.wrong("shape", "a list of whole numbers above 0, such as [4, 3]; the first is the batch")
    low, high = section.value("low"), section.value("high")
    for name, bound in (("low", low), ("high", high)):
        if bound is not None and not isinstance(bound, int | float):
            section.wrong(name, "a number")
    if dtype[0] in "iu" and high is None:
        section.wrong("high", "the largest whole number, because the input has integers")
    return Input(tuple(shape), dtype, low, high)


def _points(section: Section, knows_values: bool) -> dict[str, float]:
    """Return what each part is worth: of one number, a share for the values, the gradients, and the requirements."""
    given = section.value("points", 10)
    if isinstance(given, dict):
        own = [name for name in given if str(name).startswith("gradient of ")]
        checks = [name for name in CHECKS if name != "gradient"]
        return section.numbers_by_text(
            "points", [*([VALUES] if knows_values else []), GRADIENTS, REQUIREMENTS, *checks, *own]
        )
    return shared(section.number("points", 10), knows_values)


def shared(total: float, knows_values: bool) -> dict[str, float]:
    """Share points among the values, if they are checked, the gradients and the requirements."""
    shares = (0.4, 0.4, 0.2) if knows_values else (0.0, 0.6, 0.4)
    return {name: total * share for name, share in zip((VALUES, GRADIENTS, REQUIREMENTS), shares, strict=True) if share}


def _train(section: Section, folder: Path) -> Train:
    section.only(("model", "points", "data", "samples", "epochs", "seconds", "lr"))
    model = section.value("model")
    if not isinstance(model, list) or not all(isinstance(line, str) for line in model):
        section.wrong("model", "a list with one layer on each line, each after '- ', such as '- Linear(784, 64)'")
    if sum(expressions.is_placeholder(line) for line in model) == 0:
        section.wrong("model", "'layer' in one place, where the student's layer stands")
    for line in model:
        if not expressions.is_placeholder(line):
            try:
                expressions.layer(line)
            except (ValueError, TypeError) as error:
                section.wrong("model", f"layers of minnet with arguments ({error})", line)
    points = section.value("points")
    if not isinstance(points, dict) or not all(isinstance(n, int | float) for pair in points.items() for n in pair):
        section.wrong("points", "accuracies with points, such as {0.8: 2, 0.9: 5}")
    defaults = Train((), {1.0: 1.0})
    data = section.text("data", defaults.data)
    if data not in ("digits", "mnist"):
        data = str(folder / data)
        if not Path(data).is_file():
            section.wrong("data", "'digits', 'mnist', or a file .npz with the arrays X and y")
    numbers = {name: section.number(name, getattr(defaults, name)) for name in ("samples", "epochs", "seconds", "lr")}
    whole = {name: int(numbers[name]) for name in ("samples", "epochs")}
    return Train(tuple(model), points, data, **whole, seconds=numbers["seconds"], lr=numbers["lr"])


def _files_of_the_teacher(questions: list[Section], folder: Path) -> list[Path]:
    """Return the files that no student may see: those with the references."""
    names = {question.text("reference", "").partition(":")[0] for question in questions}
    return [folder / name for name in sorted(names) if name.endswith(".py")]
