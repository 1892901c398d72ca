"""First weights that are matrices: orthogonal ones, the identity, sparse ones."""

import math
from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.core.checks import check_int, check_number
from minnet.initializers.base import Initializer, fans


def orthogonal(gain: float = 1.0) -> Initializer:
    """A random (semi-)orthogonal matrix times gain: W Wᵀ = gain² I or Wᵀ W = gain² I, whichever is the smaller.

    A signal keeps its length through such a layer, and so does a gradient: neither vanishes in a deep linear network,
    nor over the time of a recurrent one. A kernel is the matrix of its outputs by all numbers of its window, (out, in ·
    k · k). It is Q of the QR decomposition of a normal matrix. The signs of R's diagonal are moved to Q, without which
    not all directions were equally likely.

    A. M. Saxe, J. L. McClelland and S. Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear
    neural networks", ICLR 2014. F. Mezzadri, "How to generate random matrices from the classical compact groups",
    Notices of the AMS 54, 2007, section 5 (the signs).
    """
    check_number("orthogonal", "gain", gain)

    def initializer(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        fans(shape)  # checks the shape
        inputs, outputs, *kernel = shape
        window = inputs * math.prod(kernel)
        q, r = np.linalg.qr(rng.normal(size=(max(window, outputs), min(window, outputs))))
        q = gain * q * np.where(np.diagonal(r) < 0, -1.0, 1.0)
        matrix = q.T if window > outputs else q.reshape(outputs, window)
        return matrix.reshape(outputs, inputs, *kernel).swapaxes(0, 1)

    return initializer


def eye() -> Initializer:
    """The identity, for a weight (in, out): the first outputs are the inputs."""

    def initializer(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        if len(shape) != 2:
            raise ValueError(f"eye is for a matrix (in, out), got shape {shape}: for a kernel, there is dirac()")
        return np.eye(*shape)

    return initializer


def dirac(groups: int = 1) -> Initializer:
    """The identity as a convolution's kernel: the first channels (of each group) come out as they went in.

    Only the middle of each kernel is 1, so padding of half the kernel keeps the places, too.
    """
    check_int("dirac", "groups", groups)

    def initializer(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        if len(shape) not in (3, 4, 5) or shape[1] % groups:
            of_groups = f", whose outputs {groups} groups divide" * (groups > 1)
            raise ValueError(f"dirac is for a kernel (in, out, ...){of_groups}, got shape {shape}")
        inputs, outputs, *kernel = shape
        values = np.zeros(shape)
        middle: tuple[Any, ...] = (..., *(size // 2 for size in kernel))
        for i in range(min(inputs, outputs // groups)):
            values[i, i :: outputs // groups][middle] = 1
        return values

    return initializer


def sparse(sparsity: float, std: float = 0.01) -> Initializer:
    """Draw from the normal distribution, and set the share `sparsity` of each input's weights to 0, rounded up.

    J. Martens, "Deep learning via Hessian-free optimization", ICML 2010, section 5.
    """
    check_number("sparse", "sparsity", sparsity, 0, 1)
    check_number("sparse", "std", std, 0)

    def initializer(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        if len(shape) != 2:
            raise ValueError(f"sparse is for a matrix (in, out), got shape {shape}")
        values = rng.normal(0, std, shape)
        zeros = np.arange(shape[1]) < math.ceil(sparsity * shape[1])
        values[rng.permuted(np.broadcast_to(zeros, shape), axis=1)] = 0
        return values

    return initializer
