"""The loop of a controller's training: rollouts, updates, validations, checkpoints.

Every update is a function of the policy, the optimizer's state and (seed, update), so a training that is killed ends
with the weights of one that never stopped. It runs under Keras' TensorFlow backend, on the replicas of a strategy, and
under its JAX backend without TensorFlow.
"""

import logging
import time
from typing import NamedTuple

from keras_hparam.checkpoints import is_due
from keras_hparam.learned_schedules.controller import Controller
from keras_hparam.learned_schedules.training.trainer import Trainer


class ControllerTrained(NamedTuple):
    """What `train` gives back.

    Attributes:
        controller: `Controller`, with the weights of the best validation.
        score: float, its score, the mean normalised validation loss at the end of held-out trainings; lower is better.
        history: list of dicts of the validations: "update", "score", and the score of each family and initial rate.
    """

    controller: Controller
    score: float
    history: list


def train(
    controller, tasks, settings, *, workdir=None, resume=True, strategy=None, progress=None, stop_after=None
):  # fmt: skip
    """Trains a controller on families of tasks.

    Args:
        controller: `Controller`; its weights change.
        tasks: `SupervisedTasks`, sequence of them, or `Mixture`: the trainees.
        settings: `ControllerTrainingSettings`.
        workdir: directory of checkpoints; None for none. Of several workers the first writes, and all read.
        resume: bool, whether to go on from the newest checkpoint of `workdir`.
        strategy: `tf.distribute.Strategy`, whose replicas divide the copies of the trainees; None for one device.
        progress: callable (update, figures, seconds), after each update. Figures: "family", "steps", "loss" (mean
            normalised validation loss at the end), "reward", "deviation", losses, and after a validation "score".
        stop_after: int >= 1, the update after which this call ends, so that another one may go on; None: the last.

    Returns:
        `ControllerTrained`.

    Raises:
        InvalidArgumentError: for arguments that do not fit, or a checkpoint of another training.
        InUseError: if another process trains in `workdir`.

    Source: US20210034973A1; Xu et al. 2019, arXiv 1909.09712.

    Example:

    ```python
    trained = train(
        Controller(), [networks.DenseNetworks(sources)], ControllerTrainingSettings(updates=100), workdir="workdir"
    )
    ```
    """
    trainer = Trainer(controller, tasks, settings, workdir, strategy)
    last = settings.updates if stop_after is None else min(stop_after, settings.updates)
    with trainer.course:
        if not (resume and trainer.restore()):
            trainer.begin()
        while trainer.updates < last:
            began = time.monotonic()
            figures = trainer.step()
            if is_due(trainer.updates, settings.validate_every, settings.updates):
                figures["score"] = trainer.validate()
            if is_due(trainer.updates, settings.checkpoint_every, last):
                trainer.save()
            (progress or _log)(trainer.updates, figures, time.monotonic() - began)
    trainer.take_best()
    return ControllerTrained(controller, trainer.best_score, trainer.history)


def _log(update, figures, seconds):
    logging.info("update %d: %s, %.2f s", update, figures, seconds)
