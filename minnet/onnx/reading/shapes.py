"""What is known of the shapes of values before the network runs: sizes that are numbers, names, or not known."""

import math

from minnet.onnx.reading.values import Size, Sizes


def known(sizes: Sizes | None) -> tuple[int, ...] | None:
    """Return sizes that are all numbers, or None."""
    if sizes is None or not all(isinstance(n, int) for n in sizes):
        return None
    return tuple(n for n in sizes if isinstance(n, int))


def together(*shapes: Sizes | None) -> Sizes | None:
    """Return the shape of arrays that are broadcast."""
    if any(shape is None for shape in shapes):
        return None
    found = [shape for shape in shapes if shape is not None]
    axes = max(map(len, found))
    columns = zip(*((1,) * (axes - len(shape)) + shape for shape in found), strict=True)
    return tuple(_together(column) for column in columns)


def _together(column: tuple[Size, ...]) -> Size:
    different = {n for n in column if n != 1}
    numbers = [n for n in different if isinstance(n, int)]
    if numbers:
        return numbers[0]
    return different.pop() if len(different) == 1 else None if different else 1


def windows(
    size: Size, kernel: int, stride: int, before: int, behind: int, dilation: int = 1, ceil_mode: bool = False
) -> Size:
    """Return how many windows there are along an axis."""
    if not isinstance(size, int):
        return None
    left = size + before + behind - dilation * (kernel - 1) - 1
    count = -(-left // stride) + 1 if ceil_mode else left // stride + 1
    if ceil_mode and (count - 1) * stride >= size + before:
        count -= 1
    return count


def reshaped(given: Sizes | None, target: Sizes) -> tuple[Sizes | None, tuple[int, ...] | None]:
    """Return the shape after a reshape, and the target as numbers: 0 for a size that stays, −1 for one that follows.

    The target is None if its numbers have to be computed when the network runs.
    """
    numbers: list[int] = []
    for i, n in enumerate(target):
        same = given is not None and i < len(given) and n is not None and given[i] == n
        numbers.append(
            0 if same and (not isinstance(n, int) or (i == 0 and n > 0)) else n if isinstance(n, int) else -2
        )
    if numbers.count(-2) == 1 and -1 not in numbers:
        numbers[numbers.index(-2)] = -1
    shape: list[Size] = [None if n == -1 else n for n in target]
    if given is not None:
        shape = [given[i] if n == 0 and i < len(given) else n for i, n in enumerate(shape)]
        total, rest = known(given), [n for n in shape if n is not None]
        numbers_known = known(tuple(rest))
        if shape.count(None) == 1 and total is not None and numbers_known is not None and math.prod(numbers_known) > 0:
            shape[shape.index(None)] = math.prod(total) // math.prod(numbers_known)
    return tuple(shape), None if -2 in numbers else tuple(numbers)


def keeps_first(given: Sizes | None, target: tuple[int, ...]) -> bool:
    """Whether a reshape leaves the first axis as it is, so that it is one of the samples."""
    if not target or 0 in target[1:]:
        return False
    if target[0] == 0:
        return True
    if given is None or not given or target[0] != -1 or -1 in target[1:]:
        return False
    rest = known(given[1:])
    return rest is not None and math.prod(rest) == math.prod(target[1:]) and math.prod(rest) > 0
