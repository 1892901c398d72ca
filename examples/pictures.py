"""Where an example's picture goes is found out before training, and not after it."""

import argparse
from pathlib import Path

import minnet as mn


def place(parser: argparse.ArgumentParser, out: str) -> str | None:
    """Return `out`, if a picture can be written there; else None, with a reason, or an error if the user chose it."""
    path = Path(out)
    try:
        mn.extras.require("matplotlib", "plots")
        from matplotlib.figure import Figure

        if path.is_dir() or (path.exists() and not _can_append(path)):
            raise OSError("it cannot be written")
        probe = path.with_name(f".try-{path.name}")
        Figure(figsize=(1, 1)).savefig(probe)
        probe.unlink()
    except (mn.errors.MissingExtraError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        if out != parser.get_default("out") and not isinstance(error, mn.errors.MissingExtraError):
            parser.error(f"argument --out: {out}: {reason}")
        print(f"No picture: {reason}")
        return None
    return out


def save(figure, out: str) -> None:
    """Write a picture, and say so; a disk that became full meanwhile does not cost the run."""
    try:
        figure.savefig(out)
        print(f"wrote {out}")
    except OSError as error:
        print(f"No picture: {error}")


def _can_append(path: Path) -> bool:
    try:
        path.open("ab").close()
    except OSError:
        return False
    return True
