"""Names of a package that are imported when they are first used."""

import importlib
import sys


def attach(package, homes):
    """(`__getattr__`, `__dir__`, `__all__`) of a package.

    Args:
        package: its `__name__`.
        homes: dict of public names to the modules that have them, relative to the package as in ".config"; a module
            that is public itself has the name None.

    Example:

    ```python
    __getattr__, __dir__, __all__ = lazy.attach(__name__, {"OptimizerConfig": ".config", "weights": None})
    ```
    """
    names = sorted(homes)

    def get(name):
        if name not in homes:
            raise AttributeError(f"Expected one of {names} of the module {package!r}. Received: {name!r}.")
        if homes[name] is None:
            return importlib.import_module(f"{package}.{name}")
        return getattr(importlib.import_module(homes[name], package), name)

    return get, lambda: sorted({*vars(sys.modules[package]), *names}), names
