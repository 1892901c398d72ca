"""A lazy package imports a module when a name of it is first used, so nobody waits for what they do not use."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def later(package: str, modules: Mapping[str, tuple[str, ...]]) -> Callable[[str], object]:
    """Return the ``__getattr__`` (PEP 562) of a package, which imports a module when a name of it is used.

    Parameters
    ----------
    package
        The package's ``__name__``.
    modules
        Each module's name, and those of what it gives to the package. The modules are names, too.
    """
    homes = {module: module for module in modules}
    homes |= {name: module for module, names in modules.items() for name in names}

    def getattribute(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = import_module(f"{package}.{homes[name]}")
        value: object = getattr(module, name) if name in modules[homes[name]] else module
        setattr(sys.modules[package], name, value)  # so that the next use finds it at once
        return value

    return getattribute
