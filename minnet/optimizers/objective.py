"""An Objective is what a step of `LBFGS` minimises: the loss of a closure, with the penalty of the weight decay."""

import math
from collections.abc import Callable
from typing import Any

from minnet.core.parameter import Parameter
from minnet.errors import NonFiniteError
from minnet.optimizers.line_search import Trial, Vector, dot, strong_wolfe


class Objective:
    """What a step minimises, at the weights of now: the closure's loss, and the penalty of the weight decay."""

    def __init__(self, closure: Callable[[], Any], parameters: list[Parameter], group: dict[str, Any]) -> None:
        self.parameters, self.evaluations, self.first = parameters, 0, None
        self._closure, self._decay = closure, group["weight_decay"]
        self._decays = [p.data.ndim > 1 or group["decay_biases"] for p in parameters]

    def __call__(self) -> tuple[float, Vector]:
        """Return the loss and its gradient. Raises NonFiniteError if they are not finite."""
        value = self._closure()
        if not self.evaluations:
            self.first = value
        self.evaluations += 1
        if value is None:
            raise TypeError("LBFGS expected the closure to return the loss, got None")
        loss, gradient = float(value), [parameter.read_grad().flatten() for parameter in self.parameters]
        for parameter, g, decays in zip(self.parameters, gradient, self._decays, strict=True):
            if self._decay and decays:
                p = parameter.data.reshape(-1)
                loss += self._decay / 2 * float(p.dot(p))
                g += self._decay * p
        if not (math.isfinite(loss) and math.isfinite(dot(gradient, gradient))):
            what = f"a loss of {loss}" if not math.isfinite(loss) else "a gradient that is not finite, or too large"
            raise NonFiniteError(f"LBFGS got {what} in evaluation {self.evaluations} of its step")
        return loss, gradient

    @property
    def weights(self) -> Vector:
        """A copy of the weights."""
        return [parameter.data.flatten() for parameter in self.parameters]

    def place(self, weights: Vector, t: float = 0.0, d: Vector | None = None) -> None:
        """Set the weights, to these or to ``weights + t * d``."""
        for parameter, p, way in zip(self.parameters, weights, weights if d is None else d, strict=True):
            parameter.data[...] = (p + t * way if t else p).reshape(parameter.data.shape)

    def search(self, d: Vector, start: Trial, t: float, most: int, narrow: float) -> tuple[float, Vector, float]:
        """Go along d until the strong Wolfe conditions hold; return the loss, the gradient, and t."""
        x = self.weights

        def evaluate(t: float) -> Trial:
            self.place(x, t, d)
            try:
                loss, g = self()
            except NonFiniteError:  # too far
                return Trial(t, math.inf, math.nan, d)
            return Trial(t, loss, dot(g, d), g)

        best = strong_wolfe(evaluate, start, t, most, narrow)
        self.place(x, best.t, d)
        return best.loss, best.gradient, best.t
