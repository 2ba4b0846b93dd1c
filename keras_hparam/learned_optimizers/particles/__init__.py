"""Clusters of particles: potentials, random starts, minimisation by an optimizer network, XYZ files.

Example:
    >>> from keras_hparam.learned_optimizers import particles
    >>> found = particles.minimize(particles.LennardJones(), particles.random_ball(64, 13, seed=0))
"""

import importlib

_HOMES = {
    "Gupta": "potentials",
    "LennardJones": "potentials",
    "Minimized": "minimization",
    "ParticleConfig": "config",
    "ParticleRule": "rule",
    "Potential": "potentials",
    "StillingerWeber": "potentials",
    "minimize": "minimization",
    "random_ball": "starts",
    "read_xyz": "xyz",
    "write_xyz": "xyz",
}
__all__ = sorted(_HOMES)


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"Expected one of {__all__} of the module {__name__!r}. Received: {name!r}.")


def __dir__():
    return sorted([*globals(), *__all__])
