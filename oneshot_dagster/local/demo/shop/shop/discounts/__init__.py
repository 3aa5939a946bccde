"""One module a discount: its first line is the promise that customers read, TIER is what holds it."""

import importlib
import pkgutil


def modules():
    names = sorted(found.name for found in pkgutil.iter_modules(__path__))
    return [importlib.import_module(f"{__name__}.{name}") for name in names]


def promises():
    return [module.__doc__.strip().splitlines()[0] for module in modules()]


def tiers():
    return [module.TIER for module in modules()]
