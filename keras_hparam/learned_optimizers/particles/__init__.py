"""Clusters of particles: potentials, random starts, minimisation by an optimizer network, XYZ files.

Example:
    >>> from keras_hparam.learned_optimizers import particles
    >>> found = particles.minimize(particles.LennardJones(), particles.random_ball(64, 13, seed=0))
"""

from keras_hparam import lazy

__getattr__, __dir__, __all__ = lazy.attach(__name__, {
    "Gupta": ".potentials",
    "LennardJones": ".potentials",
    "Minimized": ".minimization",
    "ParticleConfig": ".config",
    "ParticleRule": ".rule",
    "Potential": ".potentials",
    "StillingerWeber": ".potentials",
    "minimize": ".minimization",
    "random_ball": ".starts",
    "read_xyz": ".xyz",
    "write_xyz": ".xyz",
})
