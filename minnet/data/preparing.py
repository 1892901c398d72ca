"""What a DataLoader and a Stream share: a batch is collated, its bytes are scaled, and it is transformed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import scaled
from minnet.core.checks import check_number
from minnet.core.layer import Layer
from minnet.core.trees import mapped
from minnet.data.collate import Collate
from minnet.data.transforms import Transform


class Preparing:
    """The base of loaders that make batches of samples."""

    scale: float | None
    collate: Collate | None
    transform: Transform | None
    rng: np.random.Generator

    def _prepare_with(
        self,
        owner: str,
        scale: float | None,
        collate: Collate | None,
        transform: Transform | None,
        rng: int | np.random.Generator | None,
    ) -> None:
        """Check and keep these arguments; `owner` is named in the messages."""
        why = "uint8 is multiplied by it"
        self.scale = None if scale is None else check_number(owner, "scale", scale, above=0, why=why)
        self.collate = collate
        self.transform = transform
        self.rng = np.random.default_rng(rng)
        for name, value, form, example in (
            ("transform", transform, "(x, rng) -> x", "mn.data.augment.Rotate(10)"),
            ("collate", collate, "(xs, ys) -> (x, y)", "mn.data.Pad()"),
        ):
            if isinstance(value, Layer) or not (value is None or callable(value)):
                raise TypeError(
                    f"{owner} expected {name} to be a function {form}, got {type(value).__name__}: "
                    f"pass one, such as {example}"
                )

    def prepared(self, x: Any, rng: np.random.Generator | None = None) -> Any:
        """Scale and transform the samples of a batch; `rng` draws for the transform, or else the loader's own does."""
        if type(x) is tuple or type(x) is dict:
            x = mapped(self._scaled, x)
        elif x.dtype == np.uint8:
            x = scaled(x, self.scale)
        return x if self.transform is None else self.transform(x, rng or self.rng)

    def _scaled(self, x: NDArray[Any]) -> NDArray[Any]:
        return scaled(x, self.scale)
