"""The state of a search: encodings, shared weights, what was seen; rounds, iterations, checkpoints.

Everything is a function of this state and (seed, round, iteration), so a search that is killed ends as one that never
stopped.

Axes: E coefficients of all bases.
"""

import pathlib

import keras
import numpy as np
from keras import ops, tree

from keras_hparam import checkpoints, errors
from keras_hparam.autohas import batches, controllers, encodings, trials
from keras_hparam.autohas.iterations import Iterations
from keras_hparam.autohas.shared_weights import architecture_mask
from keras_hparam.autohas.supernet import Supernet, has_classes
from keras_hparam.configuration import require
from keras_hparam.distribute import programs

CHECKPOINT_KIND = "autohas search"
_ROUND = 1  # a stream of random numbers, beside that of iterations


class Searcher:
    """One search.

    Args:
        relaxed: `Relaxed`.
        train, validation: `Examples`.
        epochs: int ≥ 1, of a whole training.
        settings: `SearchSettings`.
        workdir: directory of checkpoints, or None.
        strategy: `tf.distribute.Strategy` or None.
        jit: bool, whether XLA compiles.
    """

    def __init__(self, relaxed, train, validation, epochs, settings, workdir=None, strategy=None, jit=False):
        self.settings, self.validation = settings, validation
        self.supernet = Supernet(relaxed)
        if settings.reward == "accuracy":
            good = has_classes(validation.at(0)[1], relaxed.model.outputs[0].shape[-1])
            require("reward", settings.reward, good, "'loss' where labels are no classes")
        self.sizes = [len(basis) for basis in self.supernet.bases]
        self.mask = architecture_mask(self.supernet)
        self.steps, self.decays = epochs * len(train), relaxed.decay_steps is not None
        strengths = relaxed.bases["mixup"].values
        self.batches = batches.TrainingBatches(train, relaxed.augmentations, strengths, settings.seed)
        self.devices = programs.create(strategy, jit)
        self.trials = trials.Trials(self.supernet, self.devices, settings.chunk)
        self.initial = self.supernet.initial_state()
        self.shared = Iterations(
            self.supernet, self.devices, settings, self.batches, validation, self.iterations, self.decays
        )
        self.controller = controllers.make(settings.controller, self.sizes, settings)
        self.logits = keras.Variable(np.zeros(self.supernet.size, "float32"), name="logits")
        self.optimizer = keras.optimizers.Adam(settings.encoding_learning_rate, beta_1=0.5)
        self.optimizer.build([self.logits])
        self.round, self.iteration, self.gradients, self.diverged = 0, 0, 0, 0
        self.history, self.stopped = [], None
        directory = None if workdir is None else pathlib.Path(workdir) / "checkpoints"
        self.course = checkpoints.Course(directory, CHECKPOINT_KIND, self.devices.is_chief, self._facts)

    @property
    def horizon(self):
        """Steps that a sampled pair is trained for."""
        if self.settings.is_one_step:
            return 1
        chunk = self.settings.chunk
        return max(1, round(self.settings.horizon * self.steps / chunk)) * chunk

    @property
    def iterations(self):
        """Iterations on shared weights in all."""
        given = self.settings.iterations
        if not self.settings.has_shared_weights:
            return 0
        return max(1, round(given * self.steps)) if given <= 1 else int(given)

    @property
    def rounds(self):
        """Rounds of trials in all."""
        return 0 if self.settings.is_one_step else self.settings.rounds

    @property
    def cost(self):
        """What the search computed so far, in steps of one minibatch: gradients by weights."""
        return self.gradients + self.shared.gradients

    def current_logits(self):
        """Logits [E] of all bases: of the controller where trials choose, else those that gradients move."""
        logits = ops.convert_to_numpy(self.logits)
        if self.settings.is_one_step:
            return logits
        found = self.controller.logits.astype("float32")
        return found if self.settings.method == "reinforce" else self.mask * logits + (1 - self.mask) * found

    def probabilities(self):
        """The encodings, float array [E]."""
        return np.asarray(encodings.probabilities(self.current_logits(), self.sizes))

    def advance(self):
        """The next round of trials or iteration, whichever is behind: its figures; None when the search is over."""
        if self.stopped:
            return None
        due = self.round < self.rounds and self.round * self.iterations <= self.iteration * self.rounds
        if due:
            return self._round()
        return self._iteration() if self.iteration < self.iterations else None

    def _round(self):
        settings, number = self.settings, self.settings.validation_batches
        samples = self._samples()
        held_out = self.validation.stack(self.round * number, number)
        losses, rights = self.trials.run(
            self.initial, samples, self.batches, held_out, self.round * self.horizon, self.horizon, self.decays
        )
        if np.isnan(losses).all():
            raise errors.InvalidArgumentError(
                "Expected `learning_rate` with values at which training does not diverge. "
                f"Received: all {len(samples)} samples of a round diverged."
            )
        judged = np.where(np.isfinite(losses), -rights if settings.reward == "accuracy" else losses, np.nan)
        before = self.probabilities()
        self.controller.learn(samples, judged)
        self.round += 1
        self.gradients += len(samples) * self.horizon
        self.diverged += int(np.isnan(losses).sum())
        best = int(np.nanargmin(judged))
        figures = {"validation_loss": float(losses[best]), "mean_loss": float(np.nanmean(losses))}
        return self._note(before, figures | {"accuracy": float(rights[best])})

    def _samples(self):
        rng = np.random.default_rng([self.settings.seed, _ROUND, self.round])
        samples = self.controller.sample(rng, self.settings.samples)
        if self.settings.method == "differentiable":  # the architecture has its own encoding
            drawn = encodings.sample(rng, ops.convert_to_numpy(self.logits), self.sizes, len(samples))
            samples = self.mask * drawn + (1 - self.mask) * samples
        return samples.astype("float32")

    def _iteration(self):
        before = self.probabilities()
        figures, gradient = self.shared.run(self.iteration, self.current_logits())
        self.iteration += 1
        if gradient is not None:
            gradient = gradient if self.settings.is_one_step else gradient * self.mask
            norm = float(np.linalg.norm(gradient))
            if norm < self.settings.min_gradient:
                self.stopped = f"the norm of the encodings' gradient, {norm:.3g}, is below `min_gradient`"
            self.optimizer.apply([ops.convert_to_tensor(gradient.astype("float32"))], [self.logits])
            figures["gradient"] = norm
        return self._note(before, figures, moved=gradient is not None)

    def _note(self, before, figures, moved=True):
        now = self.probabilities()
        change = float(np.abs(now - before).max())
        if moved and change < self.settings.min_change:
            self.stopped = f"no probability moved by more than {change:.3g}, below `min_change`"
        entropies = np.asarray(encodings.entropies(self.current_logits(), self.sizes)).tolist()
        named = {
            f"entropy/{name}": e
            for name, e, n in zip(self.supernet.names, entropies, self.sizes, strict=True)
            if n > 1
        }
        position = {"round": self.round, "iteration": self.iteration, "cost": self.cost}
        known = {name: value for name, value in figures.items() if np.isfinite(value)}
        figures = position | known | {"change": change} | named
        self.history.append(figures | {"probabilities": now.tolist()})
        return figures

    def _facts(self):
        return {
            "settings": self.settings.to_dict(), "steps": self.steps, "decays": self.decays,
            "bases": [[b.name, b.kind, [str(value) for value in b.values]] for b in self.supernet.bases],
        }  # fmt: skip

    def _optimizer_variables(self):
        return {f"optimizer/{index}": variable for index, variable in enumerate(self.optimizer.variables)}

    def save(self):
        """Writes a checkpoint, if there is a directory and this process is the one to write."""
        if not self.course.writes:
            return
        arrays = {name: ops.convert_to_numpy(variable) for name, variable in self._optimizer_variables().items()}
        arrays |= {f"controller/{name}": array for name, array in self.controller.arrays().items()}
        for name, state in (("initial", self.initial), ("state", self.shared.state)):
            arrays |= {f"{name}/{i}": ops.convert_to_numpy(leaf) for i, leaf in enumerate(tree.flatten(state))}
        arrays |= {"logits": ops.convert_to_numpy(self.logits), "rates": np.array(self.shared.rates, "float64")}
        names = ("round", "iteration", "gradients", "diverged", "history", "stopped")
        state = {name: getattr(self, name) for name in names} | {
            f"shared_{name}": getattr(self.shared, name) for name in ("gradients", "skipped", "baseline")
        }
        self.course.save(self.round + self.iteration, arrays, {"search": state})

    def restore(self):
        """Goes on from the newest checkpoint; whether there was one.

        Raises:
            InvalidArgumentError: if the checkpoint is of another search.
        """
        found = self.course.restore()
        if found is None:
            return False
        for name, variable in self._optimizer_variables().items():
            variable.assign(found.arrays[name])
        self.logits.assign(found.arrays["logits"])
        self.controller.restore({name: found.arrays[f"controller/{name}"] for name in self.controller.arrays()})
        for name, value in found.state["search"].items():
            owner = self.shared if name.startswith("shared_") else self
            setattr(owner, name.removeprefix("shared_"), value)
        count = len(tree.flatten(self.initial))
        packed = {
            name: tree.pack_sequence_as(self.initial, [found.arrays[f"{name}/{i}"] for i in range(count)])
            for name in ("initial", "state")
        }
        self.initial, self.shared.state = packed["initial"], packed["state"]
        self.shared.rates = found.arrays["rates"].tolist()
        return True
