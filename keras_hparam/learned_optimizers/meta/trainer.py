"""The state of a meta-training, its meta-steps, validations and checkpoints.

Axes: P parameters of the rule.
"""

import pathlib

import keras
import numpy as np

from keras_hparam import checkpoints, errors
from keras_hparam.learned_optimizers.meta.episodes import Episode, Programs
from keras_hparam.learned_optimizers.meta.settings import draw_tasks
from keras_hparam.learned_optimizers.meta.validation import Validation, check_signal, check_tasks
from keras_hparam.tasks.family import Mixture

CHECKPOINT_KIND = "meta-training"


class Trainer:
    """The state of a meta-training: parameters, optimizer, trajectories that go on, validations so far.

    Args:
        rule, tasks, estimator, settings, validation_tasks, theta, workdir, strategy: as of `meta_train`.
    """

    def __init__(
        self, rule, tasks, estimator, settings, validation_tasks=None, theta=None, workdir=None, strategy=None
    ):  # fmt: skip
        self.rule, self.estimator, self.settings = rule, estimator, settings
        self.mixture = Mixture.of(tasks)
        if estimator.steps_per_update and settings.trajectory != "mean":
            raise errors.InvalidArgumentError(
                f"Expected `trajectory` 'mean' of persistent evolution strategies. Received: {settings.trajectory!r}."
            )
        self.programs = Programs(rule, estimator, settings.trajectory, strategy)
        self.validation = Validation(rule, Mixture.of(validation_tasks or tasks), settings)
        initial = rule.initial(settings.seed) if theta is None else np.asarray(theta, "float32")
        if initial.shape != (rule.num_parameters,) or not np.isfinite(initial).all():
            raise errors.InvalidArgumentError(
                f"Expected `theta` to be {rule.num_parameters} finite numbers. Received: shape {initial.shape}."
            )
        self.theta = keras.Variable(initial, name="theta", dtype="float32")
        self.optimizer = estimator.make_optimizer()
        if self.optimizer is not None:
            self.optimizer.build([self.theta])
        self.meta_step, self.episode, self.best, self.validated = 0, None, initial, []
        directory = None if workdir is None else pathlib.Path(workdir) / "checkpoints"
        self.course = checkpoints.Course(directory, CHECKPOINT_KIND, self.programs.devices.is_chief, self._facts)

    @property
    def current(self):
        """θ, a float32 array [P]."""
        return np.asarray(self.theta).copy()

    def step(self):
        """One meta-step: a dict of figures."""
        if self.episode is None:
            self.episode = self._begin(self.meta_step)
        episode, perturbations = self.episode, self._perturbations(self.meta_step)
        losses = episode.advance(self.current, perturbations)
        found = self.estimator.update(self.theta, self.optimizer, perturbations, episode.accumulated, losses)
        self.meta_step += 1
        self.episode = None if episode.ended else episode
        finite = losses[0][np.isfinite(losses[0])]
        loss = float(finite.mean()) if len(finite) else float("nan")
        return {"family": episode.family.name, "steps": episode.steps, "loss": loss, **found}

    def _begin(self, meta_step):
        return Episode(self.programs, *draw_tasks(self.settings, self.mixture, meta_step))

    def _perturbations(self, meta_step):
        return self.estimator.perturbations(self.rule.num_parameters, self.settings.seed, meta_step)

    def check_and_validate(self):
        """The first validation, after a check that there is something to learn from in every family."""
        check_tasks(self.validation.tasks)
        rng = np.random.default_rng(self.settings.seed)
        for family in self.mixture.families:
            instances = family.sample(rng, family.meta_batch_size or self.settings.batch_size)
            check_tasks([(family, instances)])
            lengths = family.lengths or self.settings.lengths
            episode = Episode(self.programs, family, instances, lengths[0], False)
            check_signal(family, episode.advance(self.current, self._perturbations(0)))
        self.validate()

    def validate(self):
        """Validates θ, and keeps it if none was better: the score, the mean over families and lengths."""
        scores = self.validation(self.current)
        if not self.validated or scores.mean() < self.best_score:
            self.best = self.current
        self.validated.append((self.meta_step, scores))
        return float(scores.mean())

    @property
    def best_score(self):
        """The lowest score of all validations."""
        return float(min(scores.mean() for _, scores in self.validated))

    @property
    def history(self):
        """The validations, see `training.MetaTrained`."""
        names = self.validation.names
        return [
            {"meta_step": step, "score": float(scores.mean())} | dict(zip(names, scores.tolist(), strict=True))
            for step, scores in self.validated
        ]

    def _facts(self):
        return {
            "settings": self.settings.course(), "estimator": self.estimator.to_dict(), "rule": self.rule.to_dict(),
            "tasks": [family.name for family in self.mixture.families],
            "probabilities": self.mixture.probabilities.tolist(),
            "validation": self.validation.names,
        }  # fmt: skip

    def _optimizer_variables(self):
        variables = [] if self.optimizer is None else self.optimizer.variables
        return {f"optimizer/{index}": variable for index, variable in enumerate(variables)}

    def save(self):
        """Writes a checkpoint, if there is a directory and this process is the one to write."""
        if not self.course.writes:
            return
        arrays = {name: np.asarray(variable) for name, variable in self._optimizer_variables().items()}
        arrays |= {"theta": self.current, "best": self.best}
        arrays |= {"validated/meta_steps": np.array([step for step, _ in self.validated], "int64")}
        arrays |= {"validated/scores": np.stack([scores for _, scores in self.validated])}
        if self.episode is not None:
            arrays["episode"] = np.stack(self.episode.thetas)
        self.course.save(self.meta_step, arrays)

    def restore(self):
        """Goes on from the newest checkpoint; whether there was one.

        Trajectories that were under way are made again from the parameters that their meta-steps had.

        Raises:
            InvalidArgumentError: if the checkpoint is of another training.
        """
        found = self.course.restore()
        if found is None:
            return False
        for name, variable in self._optimizer_variables().items():
            variable.assign(found.arrays[name])
        self.theta.assign(found.arrays["theta"])
        self.meta_step, self.best = found.step, found.arrays["best"]
        steps, scores = (found.arrays[f"validated/{name}"] for name in ("meta_steps", "scores"))
        self.validated = list(zip(steps.tolist(), scores, strict=True))
        thetas = found.arrays.get("episode", ())
        if len(thetas):
            first = self.meta_step - len(thetas)
            self.episode = self._begin(first)
            for meta_step, theta in enumerate(thetas, first):
                self.episode.advance(theta, self._perturbations(meta_step))
        return True
