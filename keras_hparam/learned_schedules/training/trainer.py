"""The state of a controller's training: its updates, validations and checkpoints.

Axes: R replicas, T decisions, K copies of a trainee, G trainees, F features.
"""

import functools
import pathlib

import numpy as np
from keras import ops

from keras_hparam import checkpoints, errors
from keras_hparam.distribute import programs
from keras_hparam.learned_schedules.controller import Controller
from keras_hparam.learned_schedules.training import environment, settings
from keras_hparam.learned_schedules.training.policy import Policy, weights_of
from keras_hparam.tasks.family import Mixture
from keras_hparam.tasks.supervised import SupervisedTasks

CHECKPOINT_KIND = "controller-training"
_FIRST_ROLLOUTS = 1_000_000  # numbers of rollouts from which the normalisation begins, never an update's


class Trainer:
    """The state of a training: policy, optimizer, validations so far.

    Args:
        controller, tasks, chosen, workdir, strategy: as of `train_controller`, with its settings as `chosen`.
    """

    def __init__(self, controller, tasks, chosen, workdir=None, strategy=None):
        if not isinstance(controller, Controller):
            raise errors.InvalidArgumentError(f"Expected `controller` to be a `Controller`. Received: {controller!r}.")
        self.settings, self.mixture = chosen, Mixture.of(tasks)
        for family in self.mixture.families:
            if not isinstance(family, SupervisedTasks):
                raise errors.InvalidArgumentError(f"Expected `tasks` to be `SupervisedTasks`. Received: {family!r}.")
        self.devices = programs.create(strategy)
        self.policy, self.controller = Policy(controller, chosen), controller
        self.held_out = settings.held_out(chosen, self.mixture)
        self.updates, self.validated, self.best = 0, [], None
        directory = None if workdir is None else pathlib.Path(workdir) / "checkpoints"
        self.course = checkpoints.Course(directory, CHECKPOINT_KIND, self.devices.is_chief, self._facts)

    def rollout(self, family, situation, noise):
        """`Rollout` of arrays: replicas divide the copies of the trainees, the last ones may repeat the last copy.

        Args:
            family: `SupervisedTasks`.
            situation: `Situation`, of arrays.
            noise: float array [T, K, G].
        """
        copies, number = noise.shape[1], self.devices.number
        share = -(-copies // number)
        taken = np.minimum(np.arange(share * number), copies - 1)
        own = self.devices.scatter(lambda replica: noise[:, taken[replica * share : (replica + 1) * share]])
        program = _program(family, self.controller.config, self.settings.cap or None, self.devices.compile)
        found = program(weights_of(self.controller), situation._asdict(), own)
        arrays = [self.devices.gather(part) for part in found]  # [R, T, K/R, G, …]
        *arrays, final = [np.concatenate(part, axis=1)[:, :copies] for part in arrays]  # [T, K, G, …]
        return environment.Rollout(*arrays, final[0])

    def begin(self):
        """The normalisation of the features from a rollout of each family, and the first validation."""
        for index in range(2 * len(self.mixture.families)):
            family, situation, noise = settings.draw_rollout(self.settings, self.mixture, _FIRST_ROLLOUTS + index)
            self.policy.absorb(self.rollout(family, situation, self.policy.noise(noise)).features)
        self.validate()

    def step(self):
        """One rollout and what is learned from it: a dict of figures."""
        family, situation, noise = settings.draw_rollout(self.settings, self.mixture, self.updates)
        found = self.rollout(family, situation, self.policy.noise(noise))
        figures = self.policy.update(found, np.random.default_rng((self.settings.seed, self.updates, 1)))
        self.policy.absorb(found.features)
        self.updates += 1
        deviation = float(np.exp(np.asarray(self.policy.log_deviation)[0]))
        return {"family": family.name, "steps": int(situation.steps), "loss": float(found.losses[-1].mean()),
                "deviation": deviation, **figures}  # fmt: skip

    def validate(self):
        """Validates the controller without random actions; keeps it if none was better. The mean score."""
        scores = []
        for family, situation in self.held_out.values():
            noise = np.zeros((self.settings.decisions, 1, self.settings.validation_trainees), "float32")
            scores.append(float(self.rollout(family, situation, noise).losses[-1].mean()))
        if not self.validated or np.mean(scores) < self.best_score:
            self.best = self._controller_weights()
        self.validated.append((self.updates, np.array(scores)))
        return float(np.mean(scores))

    @property
    def best_score(self):
        """The lowest score of all validations."""
        return float(min(scores.mean() for _, scores in self.validated))

    @property
    def history(self):
        """The validations, see `ControllerTrained`."""
        names = [f"{name}, rate x {rate:g}" for name, rate in self.held_out]
        return [
            {"update": update, "score": float(scores.mean())} | dict(zip(names, scores.tolist(), strict=True))
            for update, scores in self.validated
        ]

    def _controller_weights(self):
        return [ops.convert_to_numpy(v).copy() for v in self.controller.weights]

    def take_best(self):
        """Gives the controller the weights of the best validation."""
        self.controller.set_weights(self.best)

    def _facts(self):
        return {
            "settings": self.settings.course(), "controller": self.controller.config.to_dict(),
            "tasks": [family.name for family in self.mixture.families],
            "probabilities": self.mixture.probabilities.tolist(),
        }  # fmt: skip

    def _variables(self):
        policy = self.policy
        groups = {
            "controller": self.controller.weights, "values": policy.values.weights,
            "optimizer": policy.optimizer.variables, "deviation": [policy.log_deviation],
        }  # fmt: skip
        return {f"{name}/{index}": v for name, group in groups.items() for index, v in enumerate(group)}

    def save(self):
        """Writes a checkpoint, if there is a directory and this process is the one to write."""
        if not self.course.writes:
            return
        arrays = {name: ops.convert_to_numpy(variable) for name, variable in self._variables().items()}
        arrays |= {f"best/{index}": array for index, array in enumerate(self.best)}
        arrays |= {"validated/updates": np.array([update for update, _ in self.validated], "int64")}
        arrays |= {"validated/scores": np.stack([scores for _, scores in self.validated])}
        self.course.save(self.updates, arrays)

    def restore(self):
        """Goes on from the newest checkpoint; whether there was one.

        Raises:
            InvalidArgumentError: if the checkpoint is of another training.
        """
        found = self.course.restore()
        if found is None:
            return False
        for name, variable in self._variables().items():
            variable.assign(found.arrays[name])
        self.updates = found.step
        self.best = [found.arrays[f"best/{index}"] for index in range(len(self.controller.weights))]
        updates, scores = (found.arrays[f"validated/{name}"] for name in ("updates", "scores"))
        self.validated = list(zip(updates.tolist(), scores, strict=True))
        return True


@functools.lru_cache(maxsize=64)
def _program(family, config, cap, compile):
    """The compiled rollout of a family under a controller's configuration."""
    controller = Controller(config)  # for its form; its weights are an argument

    def run(weights, situation, noise):
        def act(features, states):
            (means, states), _ = controller.stateless_call(*weights, features, states)
            return means, states

        states = controller.initial_states(noise.shape[1] * noise.shape[2])
        found = environment.rollout(family, config, cap, act, states, environment.Situation(**situation), noise)
        return (*found[:-1], found.final[None])

    return compile(run)
