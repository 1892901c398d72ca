"""A Buffer is an array that belongs to a layer and is not learned; LayerArray is what it shares with a Parameter."""

from typing import Any, NoReturn, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from minnet.core.arrays import FLOATS, Array
from minnet.core.blueprint import new_array
from minnet.core.masks import refuse_mask
from minnet.core.words import OF_ARRAYS, Word, answer, without_words


class LayerArray:
    """An array that belongs to a layer: allocated once, and then written in place.

    It is not a NumPy array, and refuses to be used as one: `data` is the array.
    """

    __slots__ = ("_data",)

    def __init__(self, data: ArrayLike, dtype: DTypeLike = np.float32) -> None:
        refuse_mask(f"a {type(self).__name__}", "data", data, of_samples=False)
        self._data: Array = new_array(data, self._float_dtype(dtype))

    @property
    def data(self) -> Array:
        """The values."""
        return self._data

    @data.setter
    def data(self, values: ArrayLike) -> None:
        if values is self._data:  # `p.data -= step` writes in place, and then assigns the array to itself
            return
        refuse_mask(f"a {type(self).__name__}", "data", values, of_samples=False)
        values = np.asarray(values)
        if values.shape != self._data.shape:
            name = type(self).__name__
            raise ValueError(f"this {name} has shape {self._data.shape}, the new values have {values.shape}")
        np.copyto(self._data, values, casting="same_kind")

    def adopt(self, data: Array) -> None:
        """Use the values of this array: for one that was made in a blueprint, and has no memory of its own yet."""
        self._float_dtype(data.dtype)
        self._data = np.array(data, order="C")

    def astype(self, dtype: DTypeLike) -> None:
        """Convert to float32 or float64. Only this replaces the array."""
        self._data = self._data.astype(self._float_dtype(dtype), copy=False)

    def _float_dtype(self, dtype: DTypeLike) -> "np.dtype[Any]":
        """Return a dtype; raise TypeError if it is neither float32 nor float64."""
        if np.dtype(dtype) not in FLOATS:
            raise TypeError(f"a {type(self).__name__} is float32 or float64, not {np.dtype(dtype)}")
        return np.dtype(dtype)

    def __dir__(self) -> list[str]:
        return without_words(self, super().__dir__())

    def __repr__(self) -> str:
        return f"{type(self).__name__}(shape={self._data.shape}, dtype={self._data.dtype})"

    def _refuse(self, *_: Any, **options: Any) -> NoReturn:
        name = type(self).__name__
        raise TypeError(f"a {name} is not an array: use .data, the array of its values (x @ p.data, p.data.sum())")

    # NumPy's functions and operators ask for the first three; Python's operators and brackets for the others. All
    # but == and !=, which say whether two names mean the same Parameter.
    __array__ = __array_ufunc__ = __array_function__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __matmul__ = __rmatmul__ = _refuse
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = _refuse
    __neg__ = __pos__ = __abs__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __getitem__ = __setitem__ = __float__ = __int__ = _refuse
    __iter__ = None


# Not by __getattr__, with which every attribute of a Parameter that is there takes longer: 1 µs of a small step.
for _name in dir(np.ndarray):
    if not (_name.startswith("_") or hasattr(LayerArray, _name)):
        setattr(LayerArray, _name, Word(_name, f"a KIND is not an array: use .data.{_name}"))
answer(LayerArray, OF_ARRAYS)


class Buffer(LayerArray):
    """An array that belongs to a layer and is not learned: running statistics, or constants such as a mean.

    A layer keeps it as a plain attribute, as it keeps a `Parameter`. It is found, converted, copied, saved and resumed
    as Parameters are. But `Layer.parameters` does not list it, so that no optimizer changes it: `forward` may,
    by writing into `data`.

    Parameters
    ----------
    data
        The first values, copied; any shape.
    dtype
        float32 (the default) or float64; anything else is a TypeError.

    Examples
    --------
    >>> b = Buffer([0.0, 0.0])
    >>> b.data += 0.1 * (np.array([1.0, 2.0]) - b.data)
    >>> b
    Buffer(shape=(2,), dtype=float32)
    >>> b.data
    array([0.1, 0.2], dtype=float32)
    """

    __slots__ = ()

    def __getstate__(self) -> tuple[Array]:
        return (self._data,)

    def __setstate__(self, state: tuple[Array]) -> None:
        (self._data,) = state

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        copied = object.__new__(type(self))
        copied.__setstate__((self._data.copy(),))
        memo[id(self)] = copied
        return copied
