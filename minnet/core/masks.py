"""Masked arrays are refused, wherever minnet takes an array from a user."""

import sys
from typing import Any


def refuse_mask(owner: Any, name: str, x: object, *, of_samples: bool = True) -> None:
    """Raise TypeError for a masked array, or a list of such: NumPy's functions would use the numbers under the mask.

    The owner is a name, or a layer or loss, which is described.
    """
    ma = sys.modules.get("numpy.ma")  # which a masked array has imported; to import it takes some milliseconds
    if ma is None or not hasattr(ma, "MaskedArray"):  # another thread is importing it
        return
    rows = x if isinstance(x, list | tuple) else (x,)
    masked: Any = next((row for row in rows if isinstance(row, ma.MaskedArray)), None)
    if masked is None:
        return
    owner = owner if isinstance(owner, str) else owner.describe()
    got, cure, gaps = "a masked array", f"pass np.asarray({name})", int(ma.count_masked(masked))
    axes = {1: "", 2: ".any(axis=1)"}.get(masked.ndim, f".any(axis={tuple(range(1, masked.ndim))})")
    if isinstance(x, list | tuple):
        got, cure = f"a {type(x).__name__} of masked arrays", "pass one array"
    elif gaps:
        got += f" with {gaps:,} of {masked.size:,} numbers masked"
        cure = f"fill the gaps, such as with {name}.filled(0)"
        if of_samples:
            keep = f"keep = ~np.ma.getmaskarray({name}){axes}; X, y = np.asarray(X[keep]), np.asarray(y[keep])"
            cure = f"leave those samples out, {keep}, or {cure}"
    raise TypeError(f"{owner} expected {name} to be a plain array, got {got}: {cure}; minnet does not look at masks")
