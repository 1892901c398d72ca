"""Lion steps by the sign of its momentum alone, so every number moves by lr."""

from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.optimizers.base import Optimizer, Parameters, average, faded
from minnet.optimizers.option import pair_of_betas


class Lion(Optimizer):
    """Lion: p ← (1 − lr · λ) p − lr · sign(β₁ m + (1 − β₁) g), then m ← β₂ m + (1 − β₂) g.

    Its only state is the momentum m, so it needs half of Adam's memory. All its steps have the same size, larger
    than Adam's, so choose lr 3 to 10 times smaller than for Adam, and the (decoupled) weight decay λ as much larger.

    X. Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023, algorithm 2.

    Parameters
    ----------
    parameters, lr, weight_decay, decay_biases
        See `Optimizer`, also for the errors; the weight decay is decoupled.
    betas
        (β₁, β₂), 0 <= β < 1.
    """

    betas = pair_of_betas()
    fading = ("mean",)

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        decay_biases: bool = True,
    ) -> None:
        super().__init__(parameters, lr, weight_decay, decay_biases, decoupled_weight_decay=True, betas=betas)

    def update(self, i: int, p: Array, g: Array, group: dict[str, Any]) -> None:
        """Change the values of Parameter i in place."""
        beta1, beta2 = group["betas"]
        m, scratch, step = self.buffer("mean", i), self.scratch(i), self.scratch(i, "step")
        np.multiply(m, beta1, out=scratch)
        scratch += np.multiply(g, 1 - beta1, out=step)
        np.sign(scratch, out=step)  # not in place: NumPy's sign takes ten times as long when it overwrites its input
        step *= group["lr"]
        p -= step
        average(m, beta2, g, scratch)

    def zero_subnormals(self, array: Array, g: Array) -> None:
        """Let subnormal numbers grow to 2¹⁰ times the smallest normal number, where the gradient g is 0.

        As zeros they would end the steps: without a gradient, the sign of m decides, however small m is.
        """
        where = faded(array, g)
        where &= array != 0
        np.copyto(array, np.copysign(np.finfo(array.dtype).tiny * 2**10, array), where=where)
