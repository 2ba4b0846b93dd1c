"""The loop of meta-training: candidates, trajectories, updates, validations, checkpoints.

Every meta-step is a function of θ, the optimizer's state and (seed, meta-step), so a training that is killed ends with
the parameters of one that never stopped. It runs under Keras' TensorFlow backend, on the replicas of a strategy, and
under its JAX backend without TensorFlow.

Axes: P parameters of the rule.
"""

import logging
import time
from typing import NamedTuple

import numpy as np

from keras_hparam.checkpoints import is_due
from keras_hparam.learned_optimizers.meta.estimator import check_count
from keras_hparam.learned_optimizers.meta.trainer import Trainer


class MetaTrained(NamedTuple):
    """What `meta_train` gives back.

    Attributes:
        theta: float32 array [P], the parameters of the best validation.
        score: float, its score; lower is better.
        last_theta: float32 array [P], the parameters after the last meta-step.
        history: list of dicts of the validations: "meta_step", "score", and each family's under its name and length.
    """

    theta: np.ndarray
    score: float
    last_theta: np.ndarray
    history: list


def meta_train(
    rule, tasks, estimator, settings, *, validation_tasks=None, theta=None, workdir=None, resume=True, strategy=None,
    progress=None, stop_after=None,
):  # fmt: skip
    """Trains the parameters of an optimizer.

    Args:
        rule: the optimizer, see `unroll`.
        tasks: `TaskFamily`, sequence of them, or `Mixture`.
        estimator: `EvolutionStrategies` or `GeneticAlgorithm`.
        settings: `MetaTrainingSettings`.
        validation_tasks: what the best parameters are chosen on; None: other instances of `tasks`.
        theta: float [P], the parameters to begin with; None: those of `rule.initial(seed)`.
        workdir: directory of checkpoints; None for none. Of several workers the first writes, and all read.
        resume: bool, whether to go on from the newest checkpoint of `workdir`.
        strategy: `tf.distribute.Strategy`, whose replicas divide the candidates; None for one device.
        progress: callable (meta-step, figures, seconds), after each meta-step. Figures: "family", "steps", "loss" (mean
            of θ's finite ones), what the estimator says, and after a validation "score".
        stop_after: int >= 1, the meta-step after which this call ends, so that another one may go on; None: the last.

    Returns:
        `MetaTrained`.

    Raises:
        InvalidArgumentError: for arguments that do not fit, tasks whose losses are not finite or on which all
            candidates are equal from the start, or a checkpoint of another training.
        InUseError: if another process trains in `workdir`.

    Example:

    ```python
    trained = meta_train(
        ElementwiseRule(OptimizerConfig()), [functions.Quadratics(10), networks.DenseNetworks(sources)],
        EvolutionStrategies(sigma=0.05, pairs=8), MetaTrainingSettings(meta_steps=500), workdir="workdir",
    )
    ```
    """
    if stop_after is not None:
        check_count("stop_after", stop_after)
    trainer = Trainer(rule, tasks, estimator, settings, validation_tasks, theta, workdir, strategy)
    last = settings.meta_steps if stop_after is None else min(stop_after, settings.meta_steps)
    with trainer.course:
        if not (resume and trainer.restore()):
            trainer.check_and_validate()
        while trainer.meta_step < last:
            began = time.monotonic()
            figures = trainer.step()
            if is_due(trainer.meta_step, settings.validate_every, settings.meta_steps):
                figures["score"] = trainer.validate()
            if is_due(trainer.meta_step, settings.checkpoint_every, last):
                trainer.save()
            (progress or _log)(trainer.meta_step, figures, time.monotonic() - began)
    return MetaTrained(trainer.best, trainer.best_score, trainer.current, trainer.history)


def _log(meta_step, figures, seconds):
    logging.info("meta-step %d: %s, %.2f s", meta_step, figures, seconds)
