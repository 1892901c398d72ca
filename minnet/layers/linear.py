"""A Linear layer multiplies by a matrix and adds a vector: every output sees every input."""

import math

import numpy as np

from minnet.core.arrays import Array, as_rows, with_axes_of
from minnet.core.checked import checked
from minnet.core.checks import check_flag, check_floats, check_int
from minnet.core.layer import Layer
from minnet.core.parameter import Parameter
from minnet.initializers import Initializer, draw, uniform


class Linear(Layer):
    """y = x @ W + b.

    Backward, sample by sample: y_o = Σ_i x_i W_io + b_o, so with dy = dL/dy

    - ∂y_o/∂W_io = x_i, hence dL/dW_io = x_i · dy_o, summed over the batch: ``x.T @ dy``
    - ∂y_o/∂b_o = 1, hence dL/db = dy, summed over the batch
    - ∂y_o/∂x_i = W_io, hence dL/dx_i = Σ_o dy_o W_io: ``dy @ W.T``

    Parameters
    ----------
    in_features, out_features
        I and O, at least 1.
    bias
        False leaves out b.
    weight_init, bias_init
        How the first values are drawn (see `minnet.initializers`). By default both are uniform in
        ±1/√I, which is PyTorch's default: a variance of 1/(3·I).
    rng
        None, an int, or a Generator: where they are drawn from, W before b.

    Attributes
    ----------
    weight, bias : Parameter
        W, of shape (I, O), and b, of shape (O,) or None.

    Examples
    --------
    >>> layer = Linear(3, 2, rng=0)
    >>> layer.forward(np.ones((4, 3), np.float32)).shape
    (4, 2)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        weight_init: Initializer | None = None,
        bias_init: Initializer | None = None,
        rng: int | np.random.Generator | None = None,
    ) -> None:
        self.in_features = in_features = check_int("Linear", "in_features", in_features)
        self.out_features = out_features = check_int("Linear", "out_features", out_features)
        rng = np.random.default_rng(rng)
        default = uniform(-1 / math.sqrt(in_features), 1 / math.sqrt(in_features))
        self.weight = Parameter(draw(weight_init or default, (in_features, out_features), rng))
        bias = check_flag("Linear", "bias", bias)
        self.bias = Parameter(draw(bias_init or default, (out_features,), rng)) if bias else None

    def check(self, x: Array) -> None:
        """Check that x is (..., I), of the weights' dtype."""
        check_floats(self, x, self.weight.data.dtype)
        if x.shape[-1] != self.in_features:
            features = f"{self.in_features} feature{'s' * (self.in_features > 1)}"
            raise ValueError(
                f"{self.describe()} expected {features} in the last axis, got shape {x.shape}: {self._cure(x.shape)}"
            )

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (..., I) to y (..., O)."""
        self.cache = rows = as_rows(x)  # all leading axes are the batch
        y: Array = rows.dot(self.weight.data)
        if self.bias is not None:
            y += self.bias.data
        return with_axes_of(x, y)

    @checked
    def backward(self, dy: Array) -> Array:
        """Add dL/dW and dL/db, and map dy (..., O) to dx (..., I)."""
        rows = self._add_gradients(dy)
        return with_axes_of(dy, rows.dot(self.weight.data.T))

    @checked
    def accumulate_grad(self, dy: Array) -> None:
        """Add dL/dW and dL/db only: dL/dx is half of backward's arithmetic."""
        self._add_gradients(dy)

    def _add_gradients(self, dy: Array) -> Array:
        """Add dL/dW and dL/db, and return dy as rows (N, O)."""
        rows = as_rows(dy)
        self.weight.add_product(self.cache.T, rows)
        if self.bias is not None:
            self.bias.add_rows(rows)
        return rows

    def _cure(self, shape: tuple[int, ...]) -> str:
        """Say what to do with an input of a shape that does not fit."""
        last, sample = shape[-1], math.prod(shape[1:])
        if len(shape) > 2 and self.in_features not in shape:
            cure = "flatten images with Flatten() or x.reshape(len(x), -1)"
            return cure if sample == self.in_features else f"{cure}, and use in_features={sample}, of sequences {last}"
        if self.in_features == 1:
            return "give the one feature an axis, x[:, None]"
        if last == self.out_features:
            return f"in_features comes first: Linear({last}, {self.in_features})"
        return f"use in_features={last}, what the layer before, or the data, has; or give it {self.in_features}"
