"""An extra is a set of optional packages; each is imported where it is used, and an error names it if it is missing."""

import re
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from types import ModuleType

from minnet.errors import MissingExtraError

__all__ = ["EXTRAS", "packages", "pip_command", "require"]

EXTRAS = {  # what each is for; their packages stand in setup.cfg
    "data": "download MNIST",
    "plots": "draw pictures (mn.plots)",
    "jupyter": "bars, History.to_pandas()",
    "tensorboard": "mn.callbacks.TensorBoard",
    "compiled": "compiled=True, mn.Predictor",
    "sklearn": "estimators (mn.sklearn)",
    "torch": "to PyTorch (mn.torch)",
    "onnx": "ONNX files (mn.onnx)",
    "threads": "train with threads=2",
    "mpi": "several processes (mn.MPI)",
    "parallel": "parallel searches",
    "notebooks": "the class notebooks",
    "grading": "grade layers (minnet.grade)",
    "browser": "test the demo's page",
    "test": "run the tests",
    "docs": "build the documentation",
    "lint": "check style and types",
    "release": "build and check a release",
}


DISTRIBUTIONS = {
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}  # import name → what pip calls it, where that is another name


def packages(distribution: str = "minnet-dl") -> dict[str, dict[str, str | None]]:
    """Return extra → package → its installed version or None, by the metadata of the installed distribution."""
    from importlib import metadata  # 20 ms that only `python -m minnet` needs

    found: dict[str, dict[str, str | None]] = {extra: {} for extra in EXTRAS}
    requirements: list[str] = []
    with suppress(metadata.PackageNotFoundError):  # minnet may be used from its folder, without being installed
        requirements = metadata.requires(distribution) or []
    for requirement in requirements:
        if match := re.match(r"([\w.-]+).*\bextra\s*==\s*[\"']([\w-]+)", requirement):
            found.setdefault(match[2], {})[match[1]] = None
            with suppress(metadata.PackageNotFoundError):
                found[match[2]][match[1]] = metadata.version(match[1])
    return found


def pip_command(extra: str, found: Mapping[str, str | None]) -> str:
    """Return the command that installs what is missing of an extra, whose packages `packages` found.

    It names them, because the command is to be right wherever minnet was installed from. Only where no package is known
    minnet is used from its folder, without being installed, and there ``pip install '.[extra]'`` is right.
    """
    missing = [package for package, version in found.items() if version is None]
    return f"pip install {' '.join(missing)}" if missing else f"pip install '.[{extra}]'"


def require(module: str, extra: str) -> ModuleType:
    """Import an optional package.

    Parameters
    ----------
    module
        The package's import name, such as ``"matplotlib"``.
    extra
        The extra of minnet's distribution that installs it, such as ``"plots"``.

    Raises
    ------
    MissingExtraError
        If the package is not installed. The message is one line, and names the extra.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        name = DISTRIBUTIONS.get(error.name, error.name)
        raise MissingExtraError(
            f'{name} is not installed: pip install {name} (it comes with minnet\'s extra "{extra}")'
        ) from None
