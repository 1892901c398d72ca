"""Normalize brings data to mean 0 and deviation 1, with constants of the training data, which belong to the model."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.core.arrays import BYTE_SCALE, Array
from minnet.core.buffer import Buffer
from minnet.core.checked import checked
from minnet.core.checks import check_floats, check_int, check_number
from minnet.core.console import warn
from minnet.core.layer import Layer
from minnet.core.masks import refuse_mask
from minnet.core.samples import BLOCK, as_data, check_finite
from minnet.errors import DataWarning

Floats = NDArray[np.float64]

SAY_AXIS = (
    "say which axis has a mean and a deviation of its own: axis=1 for (N, C, L), axis=2 for (N, T, F), axis=() for one "
    "mean and one deviation of all numbers"
)


class Normalize(Layer):
    """y = (x − μ) / σ, with constants μ and σ: one of each for each feature of (N, F), or channel of (N, C, H, W).

    Backward: dL/dx = dy / σ. Nothing is learned.

    As the first layer of a model, it works in training, evaluation and predictions alike, and is in the files that
    `save` writes. A `transform` of a training loader does none of this. `Normalize.of(X)` computes μ and σ.

    Parameters
    ----------
    mean, std
        μ and σ, finite, σ > 0: a number, or an array (F,) or (C,). They must be those of the numbers that the layer is
        given: for uint8 data, of the bytes times the model's `input_scale` (1/256 by default).
    axis
        The axis of x along which they lie. By default the axis 1 of x (N, F) and of x (N, C, H, W); for x of another
        number of axes, say which: 1 for (N, C, L), 2 or −1 for (N, T, F). If μ and σ have several axes, pass a tuple:
        (1, 2) for a mean and a deviation of each pixel of (N, H, W).
    scale
        If μ and σ were computed from uint8, what that was multiplied by, as by `of`: `Trainer.fit` refuses data with
        another scale. An attribute, too.

    Attributes
    ----------
    mean, std : Buffer
        μ and σ, of one shape. To load weights into a new model, make it with zeros and ones.

    Raises
    ------
    ValueError
        If μ or σ are not finite, σ is not above 0, or the shapes do not fit each other, or x.

    Examples
    --------
    >>> X = np.array([[1, 10], [3, 30]], np.float32)
    >>> Normalize.of(X).forward(X).tolist()
    [[-1.0, -1.0], [1.0, 1.0]]
    >>> Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]).forward(np.zeros((5, 3, 8, 8), np.float32)).shape
    (5, 3, 8, 8)
    """

    def __init__(
        self,
        mean: ArrayLike,
        std: ArrayLike,
        axis: int | tuple[int, ...] | None = None,
        *,
        scale: float | None = None,
    ) -> None:
        means, deviations = _numbers("mean", mean), _numbers("std", std)
        if not (deviations.astype(np.float32) > 0).all():
            raise ValueError(f"Normalize needs std > 0, got {deviations.min():g}: pass 1 where all numbers are equal")
        try:
            means, deviations = np.broadcast_arrays(means, deviations)
        except ValueError:
            shapes = f"{means.shape} and {deviations.shape}"
            raise ValueError(f"Normalize expected mean and std of one shape, got {shapes}") from None
        self.axis, self.scale = axis, scale
        count = means.ndim if axis is None else len(_axes(axis))
        if count != means.ndim or (axis is None and means.ndim > 1):
            raise ValueError(
                f"Normalize expected mean and std to have as many axes as axis={axis} names, got shape "
                f"{means.shape}: {SAY_AXIS}; a tuple names several"
            )
        self.mean = Buffer(means)
        self.std = Buffer(deviations)

    @classmethod
    def of(cls, X: ArrayLike, axis: int | tuple[int, ...] | None = None, *, scale: float = BYTE_SCALE) -> Self:
        """Make one with the means and deviations of X: of each feature of (N, F), of each channel of (N, C, H, W).

        They are computed in float64, some samples at a time, so that X may be a ``np.memmap``. σ² is the mean of
        (x − μ)², without Bessel's correction. σ = 1 where all numbers are equal, so that y = 0 there. Where they differ
        by less than float32 can represent, σ is also 1, with a `DataWarning`.

        Parameters
        ----------
        X
            The training data, without a transform; not the validation and test data, from which nothing may be learned.
        axis
            As for `Normalize`.
        scale
            What uint8 is multiplied by: the scale of the training DataLoader. Other dtypes are not multiplied.

        Raises
        ------
        TypeError, ValueError
            If X is not an array of finite numbers; if it has neither 2 nor 4 axes, and `axis` is not given.
        """
        owner = f"{cls.__name__}.of"
        X = as_data(owner, "X", X)
        if X.size == 0:
            raise ValueError(f"{owner} expected samples with numbers, got X of shape {X.shape}")
        kept = tuple(sorted(set(_kept(owner, "X", X.shape, axis))))
        with np.errstate(all="ignore"):
            mean, std = _moments(X, kept)
        if not np.isfinite(std).all():
            check_finite(owner, "X", X)
            raise ValueError(f"{owner} expected numbers in X whose squares are finite in float64, got larger ones")
        if is_bytes := X.dtype == np.uint8:
            scale = check_number(owner, "scale", scale, above=0, why="uint8 is multiplied by it")
            mean, std = mean * scale, std * scale
        divisors = _divisors(owner, mean, std)
        return cls(mean, divisors, axis if axis is None else kept, scale=scale if is_bytes else None)

    def check(self, x: Array) -> None:
        """Check that x has the means' sizes along their axes, and their dtype."""
        check_floats(self, x, self.dtype)
        if self.axis is None and not self.mean.data.ndim:  # one of each, for x of any shape
            return
        axes = _kept(self.describe(), "x", x.shape, self.axis)
        if axes != tuple(sorted(set(axes))):
            raise ValueError(f"{self.describe()} expected its axes to be in order, got x of shape {x.shape}")
        if (got := tuple(x.shape[a] for a in axes)) != self.mean.data.shape:
            raise ValueError(
                f"{self.describe()} expected sizes {self.mean.data.shape} along the axes {axes} of x, got {got} in "
                f"shape {x.shape}: it was made for other data, or for another axis"
            )

    @checked
    def forward(self, x: Array) -> Array:
        """Map x to y, of the same shape."""
        y = x - self._placed(self.mean, x.ndim)
        y /= self._placed(self.std, x.ndim)
        return y

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to dx, of the same shape."""
        dx: Array = dy / self._placed(self.std, dy.ndim)
        return dx

    @checked
    def accumulate_grad(self, dy: Array) -> None:
        """Do nothing: nothing is learned here."""

    def describe(self) -> str:
        """Say in one line what this layer is, such as ``Normalize(means (784,))``."""
        axis = "" if self.axis is None else f", axis={self.axis}"
        return f"{type(self).__name__}(means {self.mean.data.shape}{axis})"

    def _axes(self) -> tuple[int, ...]:
        return (1,) * self.mean.data.ndim if self.axis is None else _axes(self.axis)

    def _placed(self, buffer: Buffer, ndim: int) -> Array:
        """Return μ or σ with axes of size 1, so that it broadcasts with x."""
        shape = [1] * ndim
        for size, axis in zip(buffer.data.shape, self._axes(), strict=True):
            shape[axis] = size
        return buffer.data.reshape(shape)


def check_scale(model: Layer, scale: float | None) -> float | None:
    """Return what the uint8 inputs of a model are multiplied by; None leaves them.

    Raises TypeError or ValueError if it is neither None nor a number above 0, or if a `Normalize` in the model was
    computed with another.
    """
    if scale is not None:
        check_number(type(model).__name__, "input_scale", scale, above=0, why="uint8 is multiplied by it")
    for path, layer in model.named_layers():
        if isinstance(layer, Normalize) and layer.scale is not None and not same_scale(layer.scale, scale):
            raise ValueError(
                f"{path or 'the model'} = {layer.describe()} was computed from uint8 times {layer.scale:g}, but the "
                f"model's input_scale is {scale}: pass the same scale to Normalize.of and to the DataLoader"
            )
    return scale


def same_scale(a: float | None, b: float | None) -> bool:
    """Whether two scales make the same numbers of uint8."""
    return a is b if a is None or b is None else np.float32(a) == np.float32(b)


def _numbers(name: str, values: ArrayLike) -> Floats:
    """Return the argument as float64; TypeError or ValueError if it is no array of finite numbers."""
    refuse_mask("Normalize", name, values)
    array = np.asarray(values)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"Normalize expected {name} to be numbers, got {array.dtype}")
    with np.errstate(over="ignore"):
        if not np.isfinite(array.astype(np.float32)).all():
            raise ValueError(
                f"Normalize needs {name} to be finite numbers of float32, got {array.min()} to {array.max()}"
            )
    return array.astype(np.float64)


def _axes(axis: int | tuple[int, ...]) -> tuple[int, ...]:
    return tuple(check_int("Normalize", "axis", a, None, "") for a in (axis if isinstance(axis, tuple) else (axis,)))


def _kept(owner: str, name: str, shape: tuple[int, ...], axis: int | tuple[int, ...] | None) -> tuple[int, ...]:
    """Return the axes of an array whose indices have a mean each."""
    ndim = len(shape)
    if axis is None:
        if ndim not in (2, 4):
            raise ValueError(f"{owner} expected {name} of shape (N, F) or (N, C, H, W), got {shape}: {SAY_AXIS}")
        return (1,)
    kept = tuple(a + ndim if a < 0 else a for a in _axes(axis))
    if any(not 0 < a < ndim for a in kept):
        raise ValueError(
            f"{owner} expected axis to be one of 1 to {ndim - 1} for {name} of shape {shape}, got {axis}: the samples "
            f"are along axis 0; one sample? Pass {name}[np.newaxis]"
        )
    return kept


def _divisors(owner: str, mean: Floats, std: Floats) -> Floats:
    """Return σ, with 1 in place of deviations that are 0, or so small that float32 cannot tell the numbers apart."""
    equal = std <= np.maximum(np.finfo(np.float32).eps * np.abs(mean), np.finfo(np.float32).tiny)
    if (std[equal] > 0).any():
        first = tuple(np.argwhere(equal & (std > 0))[0].tolist())
        warn(
            f"{owner}: the numbers of X deviate by {std[first]:.2g} from a mean of {mean[first]:.9g} (index {first} of "
            "the means), which float32 cannot tell from 0: they count as equal, std = 1. If they are not, subtract the "
            "mean from X in float64 first",
            DataWarning,
        )
    return np.where(equal, 1.0, std)


def _moments(X: NDArray[Any], kept: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Return the means and the deviations of X along all axes but the kept ones.

    Each block of samples is added to what is known of those before it (T. Chan, G. Golub and R. LeVeque, "Updating
    formulae and a pairwise algorithm for computing sample variances", 1979). All numbers are taken less the first of
    their mean's, so that equal ones have a deviation of exactly 0.
    """
    others = tuple(a for a in range(X.ndim) if a not in kept)
    first = X[:1]
    for a in others[1:]:
        first = first.take([0], axis=a)
    shift = first.astype(np.float64)
    count, mean, squares = 0, np.zeros(shift.shape), np.zeros(shift.shape)
    rows = max(BLOCK // X[0].size, 1)  # a few samples at a time
    for start in range(0, len(X), rows):
        x = X[start : start + rows].astype(np.float64)
        x -= shift
        n = x.size // shift.size
        of_block = x.mean(axis=others, keepdims=True)
        x -= of_block
        change = of_block - mean
        squares += np.square(x, out=x).sum(axis=others, keepdims=True) + change**2 * (count * n / (count + n))
        count += n
        mean += change * (n / count)
    return (shift + mean).squeeze(others), np.sqrt(squares / count).squeeze(others)
