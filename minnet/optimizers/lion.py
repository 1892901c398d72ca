"""Lion is the optimizer that takes only signs: every number moves by lr, in the direction of its momentum."""

from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.optimizers.adam import check_betas
from minnet.optimizers.base import Optimizer, Option, Parameters


class Lion(Optimizer):
    """Lion: p ← (1 − lr · λ) p − lr · sign(β₁ m + (1 − β₁) g), then m ← β₂ m + (1 − β₂) g.

    Its momentum m is all that it remembers, half of Adam's state. Every step has the same size, larger
    than Adam's, so lr is to be 3 to 10 times smaller, and the (decoupled) weight decay λ as much larger.

    X. Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023, algorithm 2.

    Parameters
    ----------
    parameters, lr, weight_decay, decay_biases
        See `Optimizer`; the weight decay is decoupled.
    betas
        (β₁, β₂), 0 <= β < 1.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    betas, weight_decay, decay_biases = Option(), Option(), Option()

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        decay_biases: bool = True,
    ) -> None:
        super().__init__(
            parameters,
            lr,
            betas=betas,
            weight_decay=weight_decay,
            decay_biases=decay_biases,
            decoupled_weight_decay=True,
        )

    def check(self, options: dict[str, Any]) -> None:
        """Check the options of a group."""
        super().check(options)
        check_betas(self, options)

    def update(self, i: int, p: Array, g: Array, group: dict[str, Any]) -> None:
        """Give a Parameter its next values."""
        beta1, beta2 = group["betas"]
        m, work, step = self.kept("mean", i), self.work(i), self.work(i, "step")
        np.multiply(m, beta1, out=work)
        work += np.multiply(g, 1 - beta1, out=step)
        np.sign(work, out=step)  # not in place: NumPy's sign takes ten times as long when it overwrites its input
        step *= group["lr"]
        p -= step
        m *= beta2
        m += np.multiply(g, 1 - beta2, out=work)
