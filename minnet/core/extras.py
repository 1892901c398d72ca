"""An extra is an optional package: imported where it is used, and named when it is missing."""

from importlib import import_module
from types import ModuleType

from minnet.errors import MissingExtraError


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
        If the package is not installed: one line that names the extra.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        raise MissingExtraError(
            f'{error.name} is not installed: it comes with the extra "{extra}" '
            f"(in minnet's folder: pip install '.[{extra}]')"
        ) from None
