"""Synthetic digits are pictures of 0 to 9 that are drawn by NumPy, for use where there is no file and no network.

They look like MNIST's handwriting, but **they are not MNIST**: they hold no pixel, mean or template of it. The drawings
below were designed by hand.

An image is made in four steps:

- Take a drawing of the digit, shake its control points, and bend and tilt the paper.
- Lay a smooth curve through the points, fit it into a 20x20 box, and move its centre of mass to the middle of 28x28.
- Put a round Gaussian blot at each of the P pieces of the curve. A blot is a column times a row,
  exp(-(dy² + dx²) / 2r²) = exp(-dy² / 2r²) · exp(-dx² / 2r²), so the sum of all blots is one matrix product,
  (28, P) @ (P, 28), which is fast.
- Clip the sum to a line with grey edges.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from minnet.core.checks import check_int
from minnet.data.mnist.pen import SIDE, Floats, blotted, flow, pen

# Each digit's drawings, with how often each is used. Points are "x,y" in percent of the box, x to the right
# and y down. The pen passes them smoothly; a point written twice is a sharp corner; "/" lifts the pen.
DRAWINGS: dict[int, list[tuple[float, str]]] = {
    0: [
        (0.6, "50,0 22,12 8,50 22,88 50,100 78,88 92,50 78,12 50,0"),
        (0.4, "62,8 42,0 16,20 6,55 20,92 50,100 82,85 95,45 80,10 52,2 34,14"),  # its ends overlap
    ],
    1: [
        (0.80, "50,0 50,35 50,70 50,100"),
        (0.12, "28,22 52,0 52,0 52,50 52,100"),  # with a serif
        (0.08, "28,22 52,0 52,0 52,50 52,100 / 22,100 50,99 82,99"),  # and a foot
    ],
    2: [
        (0.40, "10,25 25,5 55,0 82,20 72,48 40,75 5,100 5,100 50,98 98,97"),
        (0.40, "12,22 35,2 70,5 80,32 58,65 25,95 5,92 8,78 28,80 60,97 100,92"),  # with a loop
        (0.20, "14,16 48,0 82,14 74,48 40,78 8,98 50,92 100,98"),
    ],
    3: [
        (0.5, "10,15 40,0 78,10 72,35 35,47 35,47 80,58 88,82 50,100 5,88"),
        (0.3, "12,12 50,0 80,18 62,42 36,50 66,54 88,75 55,100 5,92"),  # round in the middle
        (0.2, "8,4 45,4 84,4 84,4 42,42 42,42 84,58 82,88 45,100 5,88"),  # with a flat top
    ],
    4: [
        (0.40, "25,0 14,28 5,55 5,55 50,55 95,50 / 78,5 72,50 66,100"),  # open
        (0.35, "5,5 4,45 28,62 65,54 84,26 90,0 90,0 82,50 74,100"),  # open, in one stroke
        (0.25, "68,0 32,34 0,68 0,68 50,68 100,66 / 70,0 70,50 68,100"),  # closed
    ],
    5: [
        (0.45, "88,2 52,4 20,4 20,4 14,42 14,42 50,36 85,58 78,88 45,100 5,88"),
        (0.30, "25,5 15,45 15,45 55,38 85,65 65,95 8,95 / 25,4 60,5 95,0"),  # the roof is put on last
        (0.25, "92,0 45,8 20,25 28,42 62,52 80,72 55,96 5,92"),  # like an S
    ],
    6: [
        (0.40, "70,0 35,25 10,60 15,88 45,100 78,85 75,62 48,52 16,70"),
        (0.35, "60,0 25,30 10,72 30,98 65,96 80,75 60,58 30,66 20,86"),
        (0.25, "40,0 22,35 12,75 35,100 70,92 78,70 50,58 16,74"),
    ],
    7: [
        (0.40, "5,8 50,6 92,2 92,2 62,50 38,100"),
        (0.25, "5,12 50,8 88,4 75,30 52,60 44,100"),  # without a corner
        (0.15, "8,24 10,4 10,4 50,5 90,4 90,4 62,50 40,100"),  # with a serif
        (0.20, "5,8 50,6 92,2 92,2 62,50 38,100 / 30,54 58,50 86,46"),  # with a bar
    ],
    8: [
        (0.75, "84,14 48,0 14,18 36,42 76,62 86,85 50,100 14,85 26,62 64,40 86,20 72,4"),
        # Two rings.
        (0.25, "50,0 20,12 20,35 50,47 80,35 80,12 50,0 / 50,47 14,60 14,88 50,100 86,88 86,60 50,47"),
    ],
    9: [
        (0.50, "80,18 52,2 16,15 10,42 42,56 76,40 84,10 84,10 80,55 74,100"),
        (0.25, "80,18 52,2 16,15 10,42 42,56 76,40 84,10 84,10 84,55 66,90 38,100 14,92"),  # its tail curved
        (0.25, "78,12 44,0 8,24 24,52 62,46 82,12 78,50 60,100"),
    ],
}

BOX = 20.0  # pixels along the longer edge of the ink
PIECES = 72  # pieces of a curve: about 1 pixel each in the longest drawing, less than a blot's radius
CONTROLS = 16  # room for the control points of any drawing
CHUNK = 250  # images drawn at a time: bounds the memory, and keeps the work in the processor's cache

# How much the images differ: standard deviations. They were set so that softmax regression, the class notebook's one
# matrix, gets about 92 % right, as on MNIST; the pen's radius was set so that there is as much ink as on MNIST.
WOBBLE = 0.06  # of a control point, in boxes
BEND = 0.165  # of the paper: the coefficients of x², xy and y²
WIDTH, STRETCH = 0.8, 0.18  # of a digit: the median, and as a logarithm
LEAN, SLANT = 0.15, 0.36  # to the right, as most people's hand: the mean, and in pixels per pixel
TURN = 0.14  # in radians
JITTER = 0.3  # of the centre of mass, in pixels
PRESSURE = 0.15  # of the pen along one line
RADIUS_SPREAD = 0.18  # of a blot's radius, as a logarithm
TAIL = 2.0  # all of these are clipped to so many standard deviations, because a scrawl teaches nothing


def synthetic_digits(
    n: int, rng: int | np.random.Generator | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Draw n handwritten-looking digits, in the form of MNIST's raw bytes.

    They are as hard as MNIST for softmax regression, and a little easier for better models. They serve lessons, tests
    and demonstrations; **never report a score on them as a score on MNIST**.

    Parameters
    ----------
    n
        How many images, 0 or more.
    rng
        None for new images each time, an int seed, or a Generator, which is advanced. From the same seed, the first
        images of a larger draw are those of a smaller one. Another processor may round a grey level differently.

    Returns
    -------
    X : uint8, shape (n, 784)
        One image a row, 28 rows of 28 pixels: 0 is background, 255 is ink.
    y : int64, shape (n,)
        The digit that each shows: 0 to 9, uniformly drawn.

    Raises
    ------
    TypeError, ValueError
        If n or the seed is not an integer, or is negative.

    Examples
    --------
    >>> X, y = synthetic_digits(1000, rng=0)
    >>> X.shape, X.dtype, y.shape, y.dtype
    ((1000, 784), dtype('uint8'), (1000,), dtype('int64'))
    """
    n = check_int("synthetic_digits", "n", n, 0, "it is how many images")
    if rng is not None and not isinstance(rng, np.random.Generator):
        rng = check_int("synthetic_digits", "rng", rng, 0, "it is a seed")
    # Two streams, each read image by image, make image i the same whatever n and CHUNK are.
    seeds = np.random.default_rng(rng).integers(2**63, size=2)
    choices, shakes = (np.random.default_rng(seed) for seed in seeds)
    shares, digits, controls, curves = _drawings()  # of all drawings
    X, y = np.empty((n, SIDE * SIDE), np.uint8), np.empty(n, np.int64)
    for start in range(0, n, CHUNK):
        rows = slice(start, min(start + CHUNK, n))
        count = rows.stop - start
        drawing = np.searchsorted(shares, shares[-1] * choices.random(count), side="right")
        shake = shakes.standard_normal((count, 3 * CONTROLS + 12), np.float32).clip(-TAIL, TAIL)
        y[rows] = digits[drawing]
        X[rows] = _draw(controls[drawing], curves[drawing], shake).reshape(count, -1)
    return X, y


def _draw(controls: Floats, curves: Floats, shake: Floats) -> Floats:
    """Draw images (N, 28, 28) from controls (N, 2, K), curves (N, K, 2P) and random numbers (N, 3K + 12)."""
    N, _, K = controls.shape
    per_point, per_image = shake[:, : 3 * K].reshape(N, 3, K), shake[:, 3 * K :, None]
    place = controls + WOBBLE * per_point[:, :2]
    x, y = place[:, 0], place[:, 1]
    # Bend and tilt the paper: gently, so that people still read it.
    bend = BEND * per_image[:, :6].reshape(N, 2, 3)
    x, y = (place + bend @ np.stack([x * x, 2 * x * y, 2 * y * y], axis=1)).transpose(1, 0, 2)
    x = WIDTH * np.exp(STRETCH * per_image[:, 6]) * x - (LEAN + SLANT * per_image[:, 7]) * y
    cosine, sine = np.cos(TURN * per_image[:, 8]), np.sin(TURN * per_image[:, 8])
    pressure = 1 + PRESSURE * per_point[:, 2]
    curve = np.stack([cosine * x - sine * y, sine * x + cosine * y, pressure], axis=1) @ curves  # (N, 3, 2P)

    middle, step = curve[:, :2, :PIECES], curve[:, :2, PIECES:]  # of each piece
    length = np.hypot(step[:, 0], step[:, 1])
    total = length.sum(axis=1, keepdims=True)
    extent = (middle.max(axis=2) - middle.min(axis=2)).max(axis=1, keepdims=True)
    radius = pen(extent / total, np.exp(RADIUS_SPREAD * per_image[:, 9]))
    scale = (BOX - 3 * radius) / extent
    centre = middle @ (length / total)[:, :, None]
    # MNIST too is centred to a whole pixel only.
    middle = (middle - centre) * scale[:, :, None] + SIDE / 2 + JITTER * per_image[:, 10:12]
    ink = length * curve[:, 2, :PIECES] * flow(scale, radius)

    return blotted(middle, ink, radius)


@cache
def _drawings() -> tuple[NDArray[np.float64], NDArray[np.int64], Floats, Floats]:
    """Return of all drawings the cumulative shares (up to 10), digits, control points and curve matrices."""
    drawings = [(digit, share, text) for digit, styles in DRAWINGS.items() for share, text in styles]
    controls = np.zeros((len(drawings), 2, CONTROLS))
    curves: NDArray[np.float64] = np.zeros((len(drawings), CONTROLS, 2, PIECES))
    for number, (_, _, text) in enumerate(drawings):
        strokes = [_parse(stroke) for stroke in text.split("/")]
        lengths = [np.hypot(*np.diff(points, axis=0).T).sum() for points, _ in strokes]
        ends = np.round(PIECES * np.cumsum(lengths) / sum(lengths)).astype(int)
        piece = point = 0
        for (points, corners), end in zip(strokes, ends, strict=True):
            here = slice(point, point + len(points))
            controls[number, :, here] = points.T / 100 - 0.5
            cuts = _curve(points, corners, end - piece).T
            curves[number, here, 0, piece:end] = (cuts[:, 1:] + cuts[:, :-1]) / 2
            curves[number, here, 1, piece:end] = cuts[:, 1:] - cuts[:, :-1]
            piece, point = end, here.stop
    shares = np.cumsum([share for _, share, _ in drawings])
    digits = np.array([digit for digit, _, _ in drawings])
    # One product with the control points gives both: the middle of each piece, and the step along it.
    curves = curves.reshape(len(drawings), CONTROLS, 2 * PIECES)
    return shares, digits, controls.astype(np.float32), curves.astype(np.float32)


def _parse(stroke: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Read a stroke's points (K, 2), and which of them are corners (K,)."""
    words = stroke.split()
    single = [i for i, word in enumerate(words) if word not in words[max(i - 1, 0) : i]]
    points = np.array([[float(number) for number in words[i].split(",")] for i in single])
    return points, np.array([words[i] in words[i + 1 : i + 2] for i in single])


def _curve(points: NDArray[np.float64], corners: NDArray[np.bool_], pieces: int) -> NDArray[np.float64]:
    """Return C (pieces + 1, K): C @ points cuts the curve through the K points into pieces of one length."""
    identity = np.eye(len(points))
    # A tangent leads from the previous point to the next (Catmull and Rom's rule); a corner has none.
    tangent = np.where(corners[:, None], 0.0, np.gradient(identity, axis=0))

    def at(time: NDArray[np.float64]) -> NDArray[np.float64]:
        """Interpolate with Hermite's cubics; the curve passes point k at time k."""
        k = np.minimum(time.astype(int), len(points) - 2)
        t = (time - k)[:, None]
        leaving: NDArray[np.float64] = (1 - t) ** 2 * ((1 + 2 * t) * identity[k] + t * tangent[k])
        arriving: NDArray[np.float64] = t**2 * ((3 - 2 * t) * identity[k + 1] + (t - 1) * tangent[k + 1])
        return leaving + arriving

    time = np.linspace(0, len(points) - 1, 400)
    travelled = np.cumsum(np.hypot(*np.diff(at(time) @ points, axis=0, prepend=points[:1]).T))
    return at(np.interp(np.linspace(0, travelled[-1], pieces + 1), travelled, time))
