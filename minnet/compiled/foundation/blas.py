"""BLAS for compiled code is the library that NumPy computes with, called by its address.

A second library beside it, such as the one that SciPy brings, would have threads of its own, and the threads of the two
wait for each other in loops: steps that called both took up to four times as long.

A BLAS has a function `sgemm` for float32 and `dgemm` for float64, with Fortran's interface: all arguments are
addresses, and matrices lie column by column. Its integers have 32 or 64 bits; here they are passed as 64, of which the
first 32 are the same number where the lower bits come first.
"""

import ctypes
import sys
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir

from minnet.compiled.foundation.numba_code import compiled, numba
from minnet.core.arrays import Array

# How libraries name it: OpenBLAS as NumPy and SciPy bring it, others with 64 and 32 bits, Apple's Accelerate.
NAMES = ("scipy_{}gemm_64_", "{}gemm_64_", "scipy_{}gemm_", "{}gemm_", "{}gemm$NEWLAPACK$ILP64", "{}gemm$NEWLAPACK")
NO, YES = np.uint8(ord("N")), np.uint8(ord("T"))  # whether a matrix is to be transposed


@cache
def address(dtype: "np.dtype[Any]") -> int:
    """Return the address of `sgemm` or `dgemm`, which compiled code hands to `gemm`."""
    return _address("s" if dtype == np.float32 else "d")


def _address(letter: str) -> int:
    """Return where a function is: in NumPy's library, or else in SciPy's.

    Raises MissingExtraError if it is in neither.
    """
    if sys.byteorder == "little":
        # A search in NumPy's extension module includes the libraries that it was linked to.
        numpy = ctypes.CDLL(np._core._multiarray_umath.__file__)  # type: ignore[attr-defined]
        for name in NAMES:
            function = getattr(numpy, name.format(letter), None)
            if function is not None:
                address = ctypes.cast(function, ctypes.c_void_p).value
                assert address is not None
                return address
    from numba.extending import get_cython_function_address

    from minnet.core.extras import require

    require("scipy", "compiled")
    found: int = get_cython_function_address("scipy.linalg.cython_blas", f"{letter}gemm")
    return found


@numba.extending.intrinsic  # type: ignore[untyped-decorator]
def _call(context: Any, address: Any, flags: Any, sizes: Any, factors: Any, a: Any, b: Any, c: Any) -> Any:
    """Call gemm at an address: flags are two, sizes m, n, k, lda, ldb and ldc, factors alpha and beta."""
    signature = numba.void(address, flags, sizes, factors, a, b, c)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, flags, sizes, factors, *matrices = arguments
        pointer, integer = ir.IntType(8).as_pointer(), ir.IntType(64)

        def slots(values: Any, count: int) -> list[Any]:
            parts = (builder.extract_value(values, i) for i in range(count))
            return [builder.bitcast(numba.core.cgutils.alloca_once_value(builder, part), pointer) for part in parts]

        def data(kind: Any, matrix: Any) -> Any:
            return builder.bitcast(context.make_array(kind)(context, builder, matrix).data, pointer)

        turn_a, turn_b = slots(flags, 2)
        m, n, k, lda, ldb, ldc = slots(sizes, 6)
        alpha, beta = slots(factors, 2)
        a, b, c = (data(kind, matrix) for kind, matrix in zip(signature.args[4:], matrices, strict=True))
        # The last two are the lengths of the strings, which some Fortran compilers add.
        function = ir.FunctionType(ir.VoidType(), [*[pointer] * 13, integer, integer])
        one = integer(1)
        given = [turn_a, turn_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, one, one]
        builder.call(builder.inttoptr(address, function.as_pointer()), given)
        return context.get_dummy_value()

    return signature, code


@compiled
def gemm(blas: int, a: Array, turn_a: bool, b: Array, turn_b: bool, c: Array, beta: float) -> None:
    """Write a @ b + beta · c into c; a, or b, is transposed first if it is to be turned.

    All are matrices of one dtype whose rows are contiguous; rows may lie apart, as in a view of some columns. `blas` is
    `address(dtype)`. With beta = 0, c need not be initialized.
    """
    m, n = c.shape
    k = a.shape[0] if turn_a else a.shape[1]
    if m == 0 or n == 0:
        return
    number = c.dtype.type
    if k == 0:
        for i in range(m):
            for j in range(n):
                c[i, j] = c[i, j] * number(beta) if beta != 0 else number(0)
        return
    # Row by row, cᵀ = bᵀ aᵀ is what Fortran sees of c = a b.
    flags = (YES if turn_b else NO, YES if turn_a else NO)
    sizes = (np.int64(n), np.int64(m), np.int64(k), _step(b), _step(a), _step(c))
    _call(blas, flags, sizes, (number(1), number(beta)), b, a, c)


@compiled
def _step(matrix: Array) -> np.int64:
    """Return how many numbers lie between the beginnings of two rows."""
    return np.int64(max(matrix.strides[0] // matrix.itemsize, matrix.shape[1], 1))
