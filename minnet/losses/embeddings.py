"""A loss of embeddings makes vectors of things that belong together similar, and those of others different."""

import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from minnet.core.arrays import Array
from minnet.core.checks import check_flag, check_number
from minnet.losses.base import Loss
from minnet.losses.parts import PartsLoss
from minnet.losses.targets import check_signs


class CosineEmbeddingLoss(PartsLoss):
    """L = mean of 1 − c for pairs with t = 1, and of max(0, c − m) for those with t = −1; c is the cosine of x₁ and x₂.

    c = x₁·x₂ / (n₁ n₂), with n = √(‖x‖² + 10⁻¹²), so that a vector of zeros has the cosine 0. Backward: with u =
    x₁/n₁ and v = x₂/n₂, ∂c/∂x₁ = (v − c u)/n₁ and ∂c/∂x₂ = (u − c v)/n₂; this times −1 where t = 1, times 1 where t =
    −1 and c > m, and 0 elsewhere.

    The prediction is a tuple (x1, x2), or a dict with these names, of embeddings (..., D); the target (...).

    R. Hadsell et al., "Dimensionality reduction by learning an invariant mapping", CVPR 2006, has such a loss of
    distances; with the cosine it is PyTorch's.

    Parameters
    ----------
    margin
        m, −1 to 1: how similar pairs that do not belong together may be.
    reduction
        "mean", "sum" or "none": see `Loss`, also for the errors.

    Raises
    ------
    ValueError
        In `forward`, if a target is neither −1 nor 1.

    Examples
    --------
    A siamese network embeds both of a pair with one encoder: as one batch of all first and all second ones.

    >>> import minnet as mn
    >>> class Siamese(mn.Layer):
    ...     def __init__(self, encoder):
    ...         self.encoder = encoder
    ...
    ...     def forward(self, x1, x2):
    ...         return tuple(np.split(self.encoder.forward(np.concatenate((x1, x2))), 2))
    ...
    ...     def backward(self, dy):
    ...         return tuple(np.split(self.encoder.backward(np.concatenate(dy)), 2))
    >>> x = np.random.default_rng(0).normal(size=(2, 100, 4)).astype(np.float32)
    >>> same = np.where(x[0, :, 0] * x[1, :, 0] > 0, 1, -1)  # two samples belong together if their first numbers do
    >>> model = Siamese(mn.Sequential(mn.Linear(4, 8, rng=0), mn.Tanh(), mn.Linear(8, 2, rng=1)))
    >>> trainer = mn.Trainer(model, CosineEmbeddingLoss(), mn.Adam(model.parameters(), lr=0.01))
    >>> history = trainer.fit(mn.DataLoader((x[0], x[1]), same, batch_size=20), epochs=20, progress=False)
    >>> history[0]["loss"] > 3 * history[-1]["loss"]
    True
    """

    parts = ("x1", "x2")
    EPS: ClassVar[float] = 1e-12

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        why = "it is a cosine"
        self.margin = check_number("CosineEmbeddingLoss", "margin", margin, -1, 1, why=why)

    def target_shape(self, *parts: Array) -> tuple[int, ...]:
        """Return the shape without the axis of the vectors."""
        return parts[0].shape[:-1]

    def read_target(self, target: ArrayLike, dtype: "np.dtype[Any]") -> Array:
        """Return the target after a check that it is −1 or 1."""
        return check_signs(type(self).__name__, np.asarray(target, dtype), "0 and 1? pass 2 * y - 1")

    def compare(self, target: Array, *parts: Array) -> tuple[Array, tuple[Array, ...]]:
        """Return 1 − c or max(0, c − m), and the slopes in x₁ and x₂."""
        (u, n1), (v, n2) = (self._direction(x) for x in parts)
        c = (u * v).sum(axis=-1)
        losses = np.where(target == 1, 1 - c, np.maximum(c - self.margin, 0))
        slope = np.where(target == 1, -1, c > self.margin).astype(c.dtype)[..., None]  # dL/dc
        c = c[..., None]
        return losses, (slope * (v - c * u) / n1, slope * (u - c * v) / n2)

    def _direction(self, x: Array) -> tuple[Array, Array]:
        """Return x/n, and n = √(‖x‖² + ε), which no square makes infinite."""
        largest = np.maximum(np.abs(x).max(axis=-1, keepdims=True, initial=0), 1)
        x = x / largest
        n = np.sqrt((x * x).sum(axis=-1, keepdims=True) + self.EPS / largest / largest)
        return x / n, largest * n


class TripletMarginLoss(PartsLoss):
    """L = mean of max(0, d(a, p) − d(a, n) + m): an anchor a is nearer to a positive p than to a negative n, by m.

    d(x, y) = ‖x − y + ε‖_q is a distance, with q = 2 usually. Backward: with z = x − y + ε, ∂d/∂z = sign(z) ·
    (|z|/d)^{q−1}. Where the loss is above 0, a has the slope of d(a, p) minus that of d(a, n), p minus the first,
    and n the second.

    The prediction is a tuple (anchor, positive, negative), or a dict with these names, of embeddings (..., D). The
    target is not looked at, because the triplet itself says what belongs together; a Trainer's y may be the anchors'
    labels, or zeros.

    V. Balntas et al., "Learning local feature descriptors with triplets and shallow convolutional neural networks",
    BMVC 2016, eq. 2, and section 3.3 for the swap.

    Parameters
    ----------
    margin
        m > 0.
    p
        q, the norm: 1 or more, or infinity.
    eps
        ε, which is added to each difference. At a difference of 0, a root has no slope.
    swap
        Whether d(p, n) takes the place of d(a, n) where it is smaller: where the negative is nearer to p than to a.
    reduction
        "mean", "sum" or "none": see `Loss`, also for the errors.

    Examples
    --------
    >>> loss = TripletMarginLoss(margin=1.0)
    >>> anchor, positive, negative = np.zeros((1, 2)), np.array([[3.0, 4.0]]), np.array([[0.0, 5.5]])
    >>> round(loss.forward((anchor, positive, negative), None), 3)  # 5 - 5.5 + 1
    0.5
    >>> [dx.round(3).tolist() for dx in loss.backward()]
    [[[-0.6, 0.2]], [[0.6, 0.8]], [[0.0, -1.0]]]

    As in the example of `CosineEmbeddingLoss`, one encoder makes the embeddings, of a batch of all three.
    """

    parts = ("anchor", "positive", "negative")

    def __init__(
        self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False, *, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction=reduction)
        name = type(self).__name__
        self.margin = check_number(name, "margin", margin, above=0)
        self.p = math.inf if p == math.inf else check_number(name, "p", p, 1)
        self.eps = check_number(name, "eps", eps, 0)
        self.swap = check_flag(type(self).__name__, "swap", swap)

    def check_target(self, target: Any, shape: tuple[int, ...]) -> None:
        """Check nothing: there is no target."""

    def read_target(self, target: Any, dtype: "np.dtype[Any]") -> Any:
        """Return it as it is, because it is not looked at."""
        return target

    def total_weight(self, target: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return how many samples there are, or the sum of their weights."""
        return Loss.total_weight(self, target, sample_weight)

    def compare(self, target: Any, *parts: Array) -> tuple[Array, tuple[Array, ...]]:
        """Return max(0, d(a, p) − d(a, n) + m), and the slopes in a, p and n."""
        anchor, positive, negative = parts
        near, to_near = self._distance(anchor, positive)
        far, to_far = self._distance(anchor, negative)
        own = np.ones_like(far)  # whether the negative is compared with the anchor, and not with the positive
        to_other = np.zeros_like(to_far)
        if self.swap:
            other, to_other = self._distance(positive, negative)
            own = (far <= other).astype(far.dtype)
            far = np.minimum(far, other)
        losses = np.maximum(near - far + self.margin, 0)
        counts, own = (losses > 0)[..., None].astype(far.dtype), own[..., None]
        to_far, to_other = own * to_far, (1 - own) * to_other
        return losses, (counts * (to_near - to_far), -counts * (to_near + to_other), counts * (to_far + to_other))

    def _distance(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Return d(x, y), and its slope in x; that in y is the opposite."""
        z = x - y + self.eps
        size = np.abs(z)
        largest = size.max(axis=-1, keepdims=True, initial=0)
        safe = np.where(largest > 0, largest, 1)  # divided by it, no power is infinite
        size /= safe
        if self.p == math.inf:
            ties = (size == 1).astype(z.dtype)  # which share the slope
            return largest[..., 0], np.sign(z) * ties / np.maximum(ties.sum(axis=-1, keepdims=True), 1)
        d = (size**self.p).sum(axis=-1, keepdims=True) ** (1 / self.p)
        slope = np.sign(z) * (size / np.where(d > 0, d, 1)) ** (self.p - 1)
        return (safe * d)[..., 0], slope
