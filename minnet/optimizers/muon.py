"""Muon steps by an orthogonal matrix: the momentum's directions, each by the same length."""

import math
from typing import Any, Literal

import numpy as np

from minnet.core.arrays import Array
from minnet.optimizers.base import Optimizer, Parameters, average
from minnet.optimizers.option import Choice, Count, Flag, Numbers, Option, share

MOST_STEPS = 100  # as in PyTorch


class Muon(Optimizer):
    """Muon, for matrices: p ← (1 − lr · λ) p − lr · c · O, where O is close to the orthogonal matrix nearest to m.

    m ← μ m + (1 − μ) g, and with `nesterov`, (1 − μ) g + μ m takes its place. If m = U S Vᵀ is its singular value
    decomposition, the nearest orthogonal matrix is U Vᵀ: all its singular values are 1, so a direction that gradients
    seldom have counts as much as one that they share. O is found without a decomposition, from X = m / max(‖m‖, ε):
    each of `ns_steps` Newton–Schulz iterations X ← a X + b (X Xᵀ) X + c (X Xᵀ)² X changes no singular vector, and each
    singular value s into a s + b s³ + c s⁵. With the default coefficients, five iterations bring values from 0.002 to 1
    to between 0.68 and 1.21, which is near enough.

    Biases, scales of norms and kernels of convolutions are no matrices, and are refused; embeddings, and the last
    layer, learn better by another optimizer. `MultiOptimizer` joins the two::

        matrices = [p for p in model.parameters() if p.data.ndim == 2]
        others = [p for p in model.parameters() if p.data.ndim != 2]
        optimizer = mn.MultiOptimizer([mn.Muon(matrices, lr=0.02), mn.AdamW(others)])

    K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024; J. Liu et al., "Muon is scalable
    for LLM training", arXiv:2502.16982, 2025 (`adjust_lr_fn`). PyTorch iterates in bfloat16; this class does so in the
    dtype of the weights.

    Parameters
    ----------
    parameters, lr, weight_decay
        See `Optimizer`, also for the errors; the weight decay is decoupled.
    momentum
        μ, 0 <= μ < 1.
    nesterov
        Whether to use Nesterov's variant.
    ns_coefficients
        a, b and c of the iteration.
    eps
        ε >= 0, the least norm that m is divided by.
    ns_steps
        How many iterations, from 1 to 99.
    adjust_lr_fn
        The factor c of a weight of shape (in, out): √max(1, out / in) for "original" and None, and for
        "match_rms_adamw" 0.2 √max(in, out), with which lr and λ are good that are good for AdamW.

    Raises
    ------
    ValueError
        If a Parameter has other than two axes.
    """

    momentum, nesterov, eps = share(), Flag(), Option(low=0)
    ns_coefficients = Numbers("three numbers (a, b, c)", 3)
    ns_steps, adjust_lr_fn = Count("it is a number of iterations"), Choice((None, "original", "match_rms_adamw"))
    fading = ("mean",)

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: Literal["original", "match_rms_adamw"] | None = None,
    ) -> None:
        options: dict[str, Any] = {
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
        }
        options |= {"ns_steps": ns_steps, "adjust_lr_fn": adjust_lr_fn}
        super().__init__(parameters, lr, weight_decay, decoupled_weight_decay=True, **options)
        for i, parameter in enumerate(self.parameters):
            if parameter.data.ndim != 2:
                raise ValueError(
                    f"Muon expected matrices, got parameters[{i}] of shape {parameter.data.shape}: give it those with "
                    "data.ndim == 2, and the others to another optimizer: "
                    "mn.MultiOptimizer([mn.Muon(matrices), mn.AdamW(others)])"
                )

    def check(self, options: dict[str, Any]) -> None:
        """Check the options of a group."""
        super().check(options)
        if options["ns_steps"] >= MOST_STEPS:
            raise ValueError(f"Muon needs ns_steps < {MOST_STEPS}, got {options['ns_steps']}: five are enough")

    def update(self, i: int, p: Array, g: Array, group: dict[str, Any]) -> None:
        """Change the values of Parameter i in place."""
        momentum, m, x = group["momentum"], self.buffer("mean", i), self.scratch(i)
        average(m, momentum, g, x)
        np.copyto(x, m)
        if group["nesterov"]:
            x *= momentum
            x += np.multiply(g, 1 - momentum, out=self.scratch(i, "change"))
        self._orthogonalize(i, x, group)
        inputs, outputs = p.shape
        factor = math.sqrt(max(1, outputs / inputs)) if inputs else 1.0
        if group["adjust_lr_fn"] == "match_rms_adamw":
            factor = 0.2 * math.sqrt(max(inputs, outputs))
        x *= group["lr"] * factor
        p -= x

    def _orthogonalize(self, i: int, x: Array, group: dict[str, Any]) -> None:
        """Do the Newton–Schulz iterations in place, with the smaller of the matrices X Xᵀ and Xᵀ X."""
        (a, b, c), wide, side = group["ns_coefficients"], x.shape[0] <= x.shape[1], min(x.shape)
        gram, square = (self.scratch(i, name).reshape(-1)[: side**2].reshape(side, side) for name in ("gram", "square"))
        change = self.scratch(i, "change")
        flat = x.reshape(-1)
        x /= max(math.sqrt(flat.dot(flat)), group["eps"])
        for _ in range(group["ns_steps"]):
            np.matmul(x, x.T, out=gram) if wide else np.matmul(x.T, x, out=gram)
            np.matmul(gram, gram, out=square)
            square *= c
            gram *= b
            gram += square
            np.matmul(gram, x, out=change) if wide else np.matmul(x, gram, out=change)
            x *= a
            x += change
