"""LBFGS steps by the curvature of the loss, which it learns from the changes of the gradient."""

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from minnet.optimizers.base import Optimizer, Parameters
from minnet.optimizers.line_search import Trial, Vector, dot
from minnet.optimizers.objective import Objective
from minnet.optimizers.option import Choice, Count, Option

LEAST_CURVATURE = 1e-10  # a pair with less is not remembered: it might make the curvature negative


class LBFGS(Optimizer):
    """Limited-memory BFGS, for full batches: p ← p + t d with d = −H g, where H is close to the inverse of the Hessian.

    A step s that changed the gradient by y says what the Hessian B does in its direction: B s ≈ y. BFGS corrects H so
    that H y = s, and changes it as little as possible: H ← V H Vᵀ + ρ s sᵀ with V = I − ρ s yᵀ and ρ = 1 / (yᵀ s). H is
    never formed: the last `history_size` pairs (s, y) applied to g, one after the other, give d ("two loops"), from
    H₀ = yᵀ s / (yᵀ y) of the last pair. On a quadratic loss of n numbers, n exact steps reach the minimum.

    One call of `step` does up to `max_iter` iterations. It needs the loss and the gradient at several points, so it is
    given a function that computes them at the weights of now, as in PyTorch::

        def closure():
            optimizer.zero_grad()
            value = loss.forward(model.forward(X), y)
            model.backward(loss.backward())
            return value

        optimizer.step(closure)

    A `Trainer` does this by itself, with its batch: use ``batch_size=len(X)``, because the gradients' changes between
    two batches say nothing about the curvature. If the loss or a gradient is not finite, or the closure raises an
    error, the weights and the memory stay as they were before the step. Frozen Parameters do not take part; when
    others are frozen than before, the memory begins anew.

    J. Nocedal, "Updating quasi-Newton matrices with limited storage", Mathematics of Computation 35, 1980. D. C. Liu
    and J. Nocedal, "On the limited memory BFGS method for large scale optimization", Math. Programming 45, 1989.

    Parameters
    ----------
    parameters
        What to train, in one group, because there is one step length for all.
    lr
        t, or with a line search the first t to try, > 0. The very first is lr · min(1, 1 / ‖g‖₁).
    max_iter
        How many iterations a step does at most.
    max_eval
        After how many evaluations of the closure a step ends. None: 5/4 · max_iter.
    tolerance_grad
        A step ends where no number of the gradient is larger.
    tolerance_change
        A step ends where neither the loss, nor any weight, changes by more.
    history_size
        How many pairs (s, y) to remember: twice as many copies of the weights.
    line_search_fn
        "strong_wolfe" looks for a t with which the loss falls enough; None takes t = lr.
    weight_decay, decay_biases
        λ >= 0, of the penalty λ/2 · ‖p‖², which is a part of the loss that is minimised, and not of the loss that
        `step` returns; see `Optimizer`.
    """

    needs_closure = True
    max_iter, max_eval = Count("it is a number of iterations"), Count("it is a number of evaluations", optional=True)
    tolerance_grad, tolerance_change = Option(low=0), Option(low=0)
    history_size, line_search_fn = Count("it is a number of pairs"), Choice((None, "strong_wolfe"))
    decoupled_weight_decay = Choice((False,))

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: Literal["strong_wolfe"] | None = None,
        *,
        weight_decay: float = 0.0,
        decay_biases: bool = True,
    ) -> None:
        options: dict[str, Any] = {"max_iter": max_iter, "max_eval": max_eval, "tolerance_grad": tolerance_grad}
        options |= {"tolerance_change": tolerance_change, "history_size": history_size}
        super().__init__(parameters, lr, weight_decay, decay_biases, **options, line_search_fn=line_search_fn)
        if len(self.param_groups) > 1:
            raise ValueError(
                f"LBFGS expected one group of Parameters, got {len(self.param_groups)}: it has one step length, "
                "and one memory, for all"
            )
        self._inside = False

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every trainable Parameter, in place; return what the closure returned first, the loss before.

        Inside the closure, ``step()`` does nothing. So a Trainer's `train_step`, which ends with it, is a closure.
        """
        if closure is None:
            if self._inside:
                return None
            raise TypeError(
                "LBFGS needs the loss at several points: pass a closure to step, a function that calls zero_grad, "
                "forward and backward, and returns the loss (trainer.fit does so by itself)"
            )
        live = [i for i, parameter in enumerate(self.parameters) if parameter.trainable]
        if not live:
            return closure()
        self._follow(live)
        objective = Objective(closure, [self.parameters[i] for i in live], self.param_groups[0])
        weights, state = objective.weights, {name: list(entries) for name, entries in self.state.items()}
        self._inside = True
        try:
            self._minimize(objective, live)
            return objective.first
        except BaseException:
            objective.place(weights)
            self.state = state
            raise
        finally:
            self._inside = False

    def _minimize(self, objective: Objective, live: list[int]) -> None:
        """Do the iterations of a step."""
        group, steps = self.param_groups[0], self.state["step"]
        most = group["max_eval"] or group["max_iter"] * 5 // 4
        loss, g = objective()
        if _largest(g) <= group["tolerance_grad"]:
            return
        for left in range(group["max_iter"] - 1, -1, -1):
            t = group["lr"] if steps[live[0]] else group["lr"] * min(1.0, 1 / sum(float(np.abs(a).sum()) for a in g))
            d = self._direction(g, live)
            for i in live:
                steps[i] += 1
            start = Trial(0.0, loss, dot(g, d), g)
            if not start.slope < 0 or start.slope > -group["tolerance_change"]:
                self._keep(live, gradient=g, displacement=[np.zeros_like(a) for a in d])
                return
            if group["line_search_fn"]:
                narrow = group["tolerance_change"] / _largest(d)
                loss, g, t = objective.search(d, start, t, most - objective.evaluations, narrow)
            else:
                objective.place(objective.weights, t, d)
                if left:
                    loss, g = objective()
            displacement = [t * a for a in d]
            self._keep(live, gradient=start.gradient, displacement=displacement)
            still = _largest(displacement) <= group["tolerance_change"]
            if objective.evaluations >= most or still or abs(loss - start.loss) < group["tolerance_change"]:
                return
            if _largest(g) <= group["tolerance_grad"]:
                return

    def _direction(self, g: Vector, live: list[int]) -> Vector:
        """Return d = −H g, after the pair of the last iteration was remembered."""
        if self.state["step"][live[0]]:
            s, before = (self._vector(name, live) for name in ("displacement", "gradient"))
            y: Vector = [a - b for a, b in zip(g, before, strict=True)]
            if (curvature := dot(y, s)) > LEAST_CURVATURE:
                self._remember(live, s, y, curvature)
        d: Vector = [-a for a in g]
        alphas, pairs = list[float](), self._pairs(live)
        for s, y in reversed(pairs):
            alphas.append(dot(s, d))
            _add(d, -alphas[-1], y)
        if pairs:
            _, y = pairs[-1]
            d = [a / dot(y, y) for a in d]
        for s, y in pairs:
            _add(d, alphas.pop() - dot(y, d), s)
        return d

    def _remember(self, live: list[int], s: Vector, y: Vector, curvature: float) -> None:
        """Remember a pair, both times √ρ: then ρ = 1, and H₀ = 1 / (yᵀ y)."""
        root, history = math.sqrt(curvature), self.param_groups[0]["history_size"]
        pairs = [*self._pairs(live), ([a / root for a in s], [a / root for a in y])][-history:]
        for k, (s, y) in enumerate(pairs):
            self._keep(live, **{f"move_{k}": s, f"change_{k}": y})

    def _pairs(self, live: list[int]) -> list[tuple[Vector, Vector]]:
        """List the remembered pairs, the oldest first."""
        pairs: list[tuple[Vector, Vector]] = []
        while f"move_{len(pairs)}" in self.state and f"change_{len(pairs)}" in self.state:
            k = len(pairs)
            pairs.append((self._vector(f"move_{k}", live), self._vector(f"change_{k}", live)))
        return pairs

    def _vector(self, name: str, live: list[int]) -> Vector:
        return [self.buffer(name, i).reshape(-1) for i in live]

    def _keep(self, live: list[int], **vectors: Vector) -> None:
        for name, vector in vectors.items():
            entries = self.state[name] = [None] * len(self.parameters)
            for i, array in zip(live, vector, strict=True):
                entries[i] = array.reshape(self.parameters[i].data.shape)

    def _follow(self, live: list[int]) -> None:
        """Forget everything if other Parameters are trainable than before, and convert what is of another dtype."""
        known = self.state.get("gradient")
        if known is not None and [i for i, array in enumerate(known) if array is not None] != live:
            self.state = {"step": [0] * len(self.parameters)}
        for i in live:
            if self.parameters[i].data.dtype != self._dtypes[i]:
                self._convert_state(i, self.parameters[i].data)


def _largest(vector: Vector) -> float:
    return max(float(np.abs(a).max(initial=0)) for a in vector)


def _add(vector: Vector, factor: float, other: Vector) -> None:
    for a, b in zip(vector, other, strict=True):
        a += factor * b
