"""A loss of parts takes several predicted arrays at once, such as two embeddings, or a mean and a variance."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from minnet.core.arrays import Array
from minnet.core.checked import checked
from minnet.core.checks import check_floats, named
from minnet.core.masks import refuse_mask
from minnet.core.trees import leaves, refuse_tree
from minnet.losses.base import Loss


class PartsLoss(Loss):
    """The base of losses whose prediction is several arrays: a tuple in the order of `parts`, or a dict of these names.

    So a model ends with a layer that returns them, such as `Heads`. `backward` returns a tuple or dict as well.
    """

    parts: ClassVar[tuple[str, ...]]

    def compare(self, target: Array, *parts: Array) -> tuple[Array, tuple[Array, ...]]:
        """Return the losses, and the slope of each in every part: of the part's shape, or the losses'."""
        raise NotImplementedError

    def target_shape(self, *parts: Array) -> tuple[int, ...]:
        """Return the shape that the target has, which is that of the losses; here, that of each part."""
        return parts[0].shape

    def check(self, prediction: Any, target: Any) -> None:
        """Check that the prediction is the parts, of one dtype and shape, and that the target belongs to it."""
        parts = self._parts(prediction)
        for part in parts:
            check_floats(
                self, part, parts[0].dtype if part is not parts[0] and isinstance(parts[0], np.ndarray) else None
            )
        self.check_shapes(*parts)
        self.check_target(target, self.target_shape(*parts))

    def check_shapes(self, *parts: Array) -> None:
        """Check that the parts have one shape."""
        shapes = [part.shape for part in parts]
        if len(set(shapes)) > 1:
            raise ValueError(
                f"{self.describe()} expected {', '.join(self.parts)} of one shape, got {', '.join(map(str, shapes))}: "
                "they are compared number with number"
            )

    def check_target(self, target: Any, shape: tuple[int, ...]) -> None:
        """Check that the target is numbers of that shape."""
        name = type(self).__name__
        refuse_mask(self, "target", target)
        refuse_tree(name, "target", target, "there is one for all parts of the prediction")
        y = np.asarray(target)
        if y.dtype.kind not in "iuf":
            raise TypeError(f"{name} expected a target of numbers, got {y.dtype}: pass y.astype(np.float32)")
        if y.shape != shape:
            cure = f"pass y.reshape{shape}" if y.size == np.prod(shape) else "one for each loss"
            raise ValueError(f"{name} expected a target of shape {shape}, got {y.shape}: {cure}")

    def total_weight(self, target: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return how many losses the mean is over; with weights of samples, the sum of the losses' weights."""
        return self._total(sample_weight, np.shape(target))

    @checked
    def forward(self, prediction: Any, target: ArrayLike, sample_weight: ArrayLike | None = None) -> Any:
        """Return the mean loss of the parts and the target, weighted if there are weights."""
        parts = self._parts(prediction)
        losses, slopes = self.compare(self.read_target(target, parts[0].dtype), *parts)
        shares = None if sample_weight is None else self._weighed(sample_weight, losses.shape, losses.dtype)
        value = self._reduce(losses, shares)
        names = list(prediction) if isinstance(prediction, dict) else None
        self.cache = slopes, [part.shape for part in parts], losses.shape, shares, names
        return value

    def backward(self, dy: Any = None) -> Any:
        """Return dL/d prediction: a tuple of arrays, or a dict with the prediction's names."""
        slopes, shapes, shape, shares, names = self.cache
        share: Any = self._share(dy, shape, slopes[0].dtype, shares)
        gradients = []
        for slope, part_shape in zip(slopes, shapes, strict=True):
            per_row = isinstance(share, np.ndarray) and slope.ndim > len(shape)
            gradient = self._passed_on(slope, share[..., None] if per_row else share)
            if gradient.shape != part_shape:  # one number for a whole row
                gradient = gradient.sum(axis=-1).reshape(part_shape)
            gradients.append(gradient)
        if names is None:
            return tuple(gradients)
        found = dict(zip(self.parts, gradients, strict=True))
        return {name: found[name] for name in names}

    def read_target(self, target: ArrayLike, dtype: "np.dtype[Any]") -> Array:
        """Return the target as an array of the prediction's dtype, after a look at its values."""
        return np.asarray(target, dtype)

    def _parts(self, prediction: Any) -> list[Any]:
        """Return the parts in their order; a TypeError or ValueError if the prediction is something else."""
        if isinstance(prediction, dict) and set(prediction) == set(self.parts):
            return [prediction[name] for name in self.parts]
        if type(prediction) is tuple and len(prediction) == len(self.parts):
            return leaves(prediction)
        got = f"a dict of {', '.join(map(repr, prediction))}" if isinstance(prediction, dict) else named(prediction)
        error = ValueError if isinstance(prediction, dict) or type(prediction) is tuple else TypeError
        names = ", ".join(self.parts)
        raise error(
            f"{type(self).__name__} expected the prediction to be a tuple ({names}), or a dict with these names, got "
            f"{got}: pass them together, loss(({names}), target); a model that ends with mn.Heads returns such"
        )
