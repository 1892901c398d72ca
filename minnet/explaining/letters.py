"""Letters name the axes of a step's arrays, as in (N, I): within a step, a letter is one size."""

from typing import Any

from numpy.typing import NDArray

from minnet.core.layer import Layer

Shape = tuple[str, ...]
IN = {"in_features": "I", "in_channels": "I", "input_size": "I", "num_embeddings": "V"}
OUT = {"out_features": "O", "out_channels": "O", "hidden_size": "H", "embedding_dim": "D"}
BOTH = {"num_features": "C", "num_channels": "C", "embed_dim": "D"}
KERNEL = "KLM"  # the sides of a kernel_size
PLACES = {1: "C", 2: "CL", 3: "CHW", 4: "CDHW"}  # axes of signals, images and volumes, behind N
ROWS = {1: "D", 2: "TD", 3: "CHW", 4: "CDHW"}  # of tables and sequences; of images in a layer for any array
CLASSES = ROWS | {1: "C", 2: "TC"}  # of scores
FRESH = "KLMPQRSUVXYZ"


class Letters:
    """The letters of one layer's arrays.

    Parameters
    ----------
    layer
        The layer, whose arguments have letters that its formula uses, such as I and O of a Linear.
    samples
        N; None if there is no axis of samples.
    """

    def __init__(self, layer: Layer, samples: int | None) -> None:
        self.samples = samples
        self.sizes: dict[str, int] = {} if samples is None else {"N": samples}
        self._in = self._named(layer, IN | BOTH)
        self._out = self._named(layer, OUT | BOTH)
        self._features = ""  # the letter of x's features
        kernel = getattr(layer, "kernel_size", ())
        for letter, size in zip(KERNEL, kernel if isinstance(kernel, tuple) else (), strict=False):
            self._take(letter, size)
        channels = any(hasattr(layer, name) for name in ("num_features", "num_channels"))
        rows = CLASSES if getattr(layer, "classifies", False) else ROWS
        self._axes = PLACES if channels or type(layer).__module__.startswith("minnet.layers.images") else rows

    def of_input(self, x: NDArray[Any], y_shape: tuple[int, ...]) -> Shape:
        """Return the letters of an input, if the output has this shape."""
        letters = self._of(
            x, sorted(self._in), ("I", "O") if y_shape and x.ndim == len(y_shape) <= 2 else ("", ""), y_shape
        )
        self._features = self._features or (letters[self._feature_axis(x)] if letters else "")
        return letters

    def of_output(self, y: NDArray[Any]) -> Shape:
        """Return the letters of an output."""
        return self._of(y, [*sorted(self._out), self._features], ("", "O"), ())

    def of_others(self, array: NDArray[Any]) -> Shape:
        """Return the letters of a Parameter, a Buffer or a target, whose axes are told by their sizes."""
        used: list[str] = []
        for i, size in enumerate(array.shape):
            with_n = i == 0 and array.dtype.kind != "f"
            used.append(self._known(size, used, with_n, array.ndim == 1))
        return tuple(used)

    def of_target(self, array: NDArray[Any]) -> Shape:
        """Return the letters of a target: the first axis is N if it can be."""
        letters = self.of_others(array)
        return ("N", *letters[1:]) if letters and array.shape[0] == self.samples else letters

    def _named(self, layer: Layer, table: dict[str, str]) -> set[str]:
        """Note the sizes that a layer has as attributes; return their letters."""
        found = set()
        for name, letter in table.items():
            size = vars(layer).get(name)
            if type(size) is int:
                self._take(letter, size)
                found.add(letter)
        return found

    def _of(self, x: NDArray[Any], own: list[str], pair: tuple[str, str], y_shape: tuple[int, ...]) -> Shape:
        start = int(self.samples is not None and x.ndim > 0 and len(x) == self.samples)
        rest = x.shape[start:]
        if self.samples is not None and not start:
            return self.of_others(x)
        axes = self._axes.get(len(rest), FRESH[: len(rest)]) if x.dtype.kind == "f" else "TLMPQRS"[: len(rest)]
        letters = ["N"] * start
        for i, (letter, size) in enumerate(zip(axes, rest, strict=True)):
            if start + i == self._feature_axis(x) and x.dtype.kind == "f":
                same = [known for known in own if self.sizes.get(known) == size]
                changes = y_shape and y_shape[-1] != size
                letter = same[0] if same else pair[0] if changes and pair[0] else letter
                if not same and not y_shape and pair[1] and self._features == "I":
                    letter = pair[1]
            letters.append(self._take(letter, size))
        return tuple(letters)

    def _feature_axis(self, x: NDArray[Any]) -> int:
        start = int(self.samples is not None)
        rest = x.ndim - start
        return start if self._axes is PLACES or rest >= 3 else x.ndim - 1

    def _known(self, size: int, used: list[str], with_n: bool, vector: bool) -> str:
        """Return a letter of this size: one that this array has not yet, a multiple of one, or a new one."""
        if size == 1 and not any(known == 1 for letter, known in self.sizes.items() if letter != "N"):
            return "1"
        same = [letter for letter, known in self.sizes.items() if known == size and (with_n or letter != "N")]
        if same and vector:  # such as a bias, which belongs to the output
            return next((letter for letter in same if letter in self._out), same[0])
        if same:
            return next((letter for letter in same if letter not in used), same[0])
        for factor in (2, 3, 4):
            for letter in ("H", "D", "C"):
                if self.sizes.get(letter, 0) * factor == size:
                    return f"{factor}{letter}"
        free = next((letter for letter in FRESH if letter not in self.sizes), "Z")
        return self._take(free, size)

    def _take(self, letter: str, size: int) -> str:
        """Use a letter for a size, with a prime if it has another size already."""
        while self.sizes.setdefault(letter, size) != size:
            letter += "′"
        return letter
