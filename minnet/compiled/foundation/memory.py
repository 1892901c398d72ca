"""Memory is given to compiled code as addresses, because a table of them is one kind of argument for any arrays.

So a network of any depth, and data of any dtype, take the code that was compiled for another.
"""

from typing import Any

from minnet.compiled.foundation.numba_code import compiled, numba


@numba.extending.intrinsic  # type: ignore[untyped-decorator]
def _pointer(context: Any, address: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], numba.core.cgutils.voidptr_t)

    return numba.types.voidptr(numba.int64), code


@compiled
def matrix(address: int, rows: int, columns: int, dtype: Any) -> Any:
    """View the memory at an address as an array (rows, columns)."""
    return numba.carray(_pointer(address), (rows, columns), dtype)


@compiled
def vector(address: int, begin: int, end: int, array: Any) -> Any:
    """View a part of the numbers at an address, of an array's dtype, as one axis."""
    return numba.carray(_pointer(address + begin * array.itemsize), (end - begin,), array.dtype)


@compiled
def flattened(array: Any) -> Any:
    """View all numbers of an array in C order as one axis; `reshape` takes Numba longer to compile, and to do."""
    return vector(array.ctypes.data, 0, array.size, array)
