"""A negative log-likelihood says how improbable a target is, under the distribution that a model predicts."""

import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from minnet.core.arrays import Array
from minnet.core.checks import check_flag, check_number
from minnet.losses.elementwise import ElementwiseLoss
from minnet.losses.parts import PartsLoss


class GaussianNLLLoss(PartsLoss):
    """L = mean of ½ (log v + (t − μ)²/v): −log of the normal density of t, for a predicted mean μ and variance v.

    Backward: ∂L/∂μ = (μ − t)/v and ∂L/∂v = ½ (1 − (t − μ)²/v)/v, each divided by how many numbers there are.

    The prediction is a tuple (mean, var), or a dict with these names. The variance has the shape of the mean; or, for
    one that holds for a whole row, 1 in place of the last axis, or no such axis. The target has the shape of the
    mean. v < ε counts as ε, but has the slope in ε, so that it can grow again.

    D. Nix and A. Weigend, "Estimating the mean and variance of the target probability distribution", ICNN 1994.

    Parameters
    ----------
    full
        Whether the constant ½ log 2π is in L.
    eps
        ε > 0, the smallest variance.
    reduction
        "mean", "sum" or "none": see `Loss`, also for the errors.

    Raises
    ------
    ValueError
        In `forward`, if a variance is negative.

    Examples
    --------
    A network that says how sure it is. `Softplus` makes the variance positive:

    >>> import minnet as mn
    >>> random = np.random.default_rng(0)
    >>> X = random.uniform(-1, 1, (500, 1)).astype(np.float32)
    >>> y = X + np.where(X > 0, 0.5, 0.05) * random.normal(size=X.shape)  # noisier on the right
    >>> model = mn.Sequential(
    ...     mn.Linear(1, 16, rng=0),
    ...     mn.Tanh(),
    ...     mn.Heads(mean=mn.Linear(16, 1, rng=1), var=mn.Sequential(mn.Linear(16, 1, rng=2), mn.Softplus())),
    ... )
    >>> trainer = mn.Trainer(model, GaussianNLLLoss(), mn.Adam(model.parameters(), lr=0.02))
    >>> history = trainer.fit(mn.DataLoader(X, y, batch_size=50), epochs=60, progress=False)
    >>> left, right = np.sqrt(trainer.predict(np.array([[-0.5], [0.5]], np.float32))["var"])
    >>> bool(left < 0.2 < 0.3 < right)
    True
    """

    parts = ("mean", "var")

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.full = check_flag("GaussianNLLLoss", "full", full)
        self.eps = check_number("GaussianNLLLoss", "eps", eps, above=0)

    def check_shapes(self, *parts: Array) -> None:
        """Check that there is a variance for each number of the mean, or for each row."""
        mean, var = (part.shape for part in parts)
        if var not in (mean, (*mean[:-1], 1), mean[:-1]):
            raise ValueError(
                f"GaussianNLLLoss expected var of the mean's shape {mean}, or {(*mean[:-1], 1)} for one a row, "
                f"got {var}"
            )

    def compare(self, target: Array, *parts: Array) -> tuple[Array, tuple[Array, ...]]:
        """Return ½ (log v + d²/v), and the slopes d/v and ½ (1 − d²/v)/v, where d = μ − t."""
        mean, var = parts
        if var.min(initial=0) < 0:
            raise ValueError(
                f"GaussianNLLLoss expected variances >= 0, got {var.min():.4g}: end their head with Softplus()"
            )
        v = np.maximum(var, var.dtype.type(self.eps))
        v = v[..., None] if v.ndim < mean.ndim else v
        d = mean - target
        pull = d / v
        losses = 0.5 * (np.log(v) + d * pull)
        if self.full:
            losses += 0.5 * math.log(2 * math.pi)
        return losses, (pull, 0.5 * (1 - d * pull) / v)


class PoissonNLLLoss(ElementwiseLoss):
    """L = mean of eˣ − t x, of the predicted logarithm x of a mean, and a count t.

    It is −log of the Poisson probability of t, without log t!, which no prediction changes.

    Backward: ∂L/∂x = eˣ − t. With ``log_input=False``, the prediction is the mean itself, x ≥ 0: L = x − t log(x +
    ε), with the slope 1 − t/(x + ε). Each is divided by how many numbers there are.

    P. McCullagh and J. Nelder, "Generalized linear models", 2nd edition, 1989, chapter 6.

    Parameters
    ----------
    log_input
        Whether the prediction is the logarithm of the mean.
    full
        Whether log t! is in L, for t > 1, by Stirling's formula t log t − t + ½ log 2πt.
    eps
        ε > 0, so that log 0 is not taken.
    reduction
        "mean", "sum" or "none": see `Loss`, also for the errors.

    Raises
    ------
    ValueError
        In `forward`, if a count is negative, or a mean with ``log_input=False``.

    Examples
    --------
    >>> loss = PoissonNLLLoss()
    >>> loss.forward(np.array([0.0, 0.0]), [1, 3])  # the mean 1 is right for a count of 1
    1.0
    >>> loss.backward()
    array([ 0., -1.])
    """

    STIRLING: ClassVar[float] = 1.0  # above this count, his formula is used

    def __init__(
        self, log_input: bool = True, *, full: bool = False, eps: float = 1e-8, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction=reduction)
        self.log_input = check_flag("PoissonNLLLoss", "log_input", log_input)
        self.full = check_flag("PoissonNLLLoss", "full", full)
        self.eps = check_number("PoissonNLLLoss", "eps", eps, above=0)

    def compare(self, prediction: Array, target: Array) -> tuple[Array, Array]:
        """Return eˣ − t x or x − t log(x + ε), and the slope."""
        x, t = prediction, target
        self._check_positive("counts", t, "were they standardized? Pass the counts; for quantities use MSELoss")
        if self.log_input:
            with np.errstate(over="ignore"):  # the loss is infinite then, which is right
                mean = np.exp(x)
            losses, slopes = mean - t * x, mean - t
        else:
            self._check_positive("means", x, "end the model with Softplus(), or leave out log_input=False")
            losses, slopes = x - t * np.log(x + self.eps), 1 - t / (x + self.eps)
        if self.full:
            n = np.maximum(t, 1)
            losses += np.where(t > self.STIRLING, n * np.log(n) - n + 0.5 * np.log(2 * math.pi * n), 0)
        return losses, slopes

    def _check_positive(self, what: str, values: ArrayLike, cure: str) -> None:
        least: Any = np.min(values, initial=0)
        if least < 0:
            raise ValueError(f"{self.describe()} expected {what} >= 0, got {least:.4g}: {cure}")
