"""A Value is an array of the graph: its name, and what is known of its shape and dtype before it is computed."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

Size = int | str | None  # a number, a name such as "batch" for any number, or unknown


@dataclass(frozen=True)
class Value:
    """An array that an operator takes or returns."""

    name: str
    shape: tuple[Size, ...]  # the batch is "batch"
    dtype: "np.dtype[Any]"

    @property
    def ndim(self) -> int:
        """The number of axes, which is always known."""
        return len(self.shape)

    @property
    def type(self) -> Any:
        """Its shape and dtype, as ONNX writes them."""
        kind = onnx.helper.np_dtype_to_tensor_dtype(self.dtype)
        return onnx.helper.make_tensor_type_proto(kind, list(self.shape))

    @classmethod
    def of(cls, name: str, type_proto: Any, shape: tuple[Size, ...] | None = None) -> "Value":
        """Make the Value of an ONNX type, with another shape if given; a ValueError, if no number of axes is known."""
        tensor = type_proto.tensor_type
        if shape is None:
            if not tensor.HasField("shape"):
                raise ValueError("its number of axes is not known")
            kinds = [dim.WhichOneof("value") for dim in tensor.shape.dim]  # dim_value is a number, dim_param a name
            sizes = [getattr(dim, kind) if kind else None for dim, kind in zip(tensor.shape.dim, kinds, strict=True)]
            shape = tuple(None if str(n).startswith("unk__") else n for n in sizes)  # ONNX's word for: not known
        return cls(name, shape, np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)))
