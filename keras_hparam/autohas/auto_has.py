"""`AutoHAS`: one search for architecture and hyperparameters together."""

import keras
import numpy as np

from keras_hparam import errors
from keras_hparam.autohas import compilation, derivation, encodings
from keras_hparam.autohas.batches import Examples
from keras_hparam.autohas.mixup import MixupModel
from keras_hparam.autohas.searcher import Searcher
from keras_hparam.autohas.settings import SearchSettings
from keras_hparam.configuration import is_integer, require
from keras_hparam.spaces import relaxed

_PIECES = 100  # of a learning rate's course


class AutoHAS:
    """Searches architecture and hyperparameters at once, in about the time of three trainings.

    The build function is an ordinary one of KerasTuner, whose choices are made by `autohas.choice`, `width`, `dropout`
    and the arguments of `autohas.compile`: any KerasTuner tuner can search it trial by trial.

    By default pairs of architecture and hyperparameters are sampled, trained for a twelfth of a training as one path
    through a supernet, with a schedule of their own, and ranked by their validation loss; Thompson sampling, or
    REINFORCE with `controller="policy_gradient"`, learns the encodings from the ranks. `method="reinforce", horizon=1`
    and `method="differentiable", horizon=1` are the forms of the source, which judge one step ahead and prefer small
    learning rates and skips.

    Args:
        build: function from `kt.HyperParameters` to what `autohas.compile` returns.
        directory: path for checkpoints; None for none.
        strategy: `tf.distribute.Strategy`; its replicas divide the samples.
        jit_compile: bool, whether XLA compiles; on CPUs it is slower for convolutions.
        **settings: see `SearchSettings`.

    Raises:
        InvalidArgumentError: for settings out of range, or a build function that returns something else, has nothing to
            choose, or looks at a value that cannot be relaxed, naming it.

    Sources: US20210383223A1; Dong et al. 2020, *AutoHAS*, arXiv 2006.03656.

    Example:

    ```python
    def build(hp):
        inputs = keras.Input((28, 28, 1))
        x = kh.autohas.choice(hp, "block", {"conv3": layers.Conv2D(16, 3, padding="same"), "skip": None})(inputs)
        x = layers.GlobalAveragePooling2D()(x)
        model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
        return kh.autohas.compile(model, hp, optimizer=["sgd", "adam"], learning_rate=[1e-3, 1e-2, 1e-1],
                                  loss="sparse_categorical_crossentropy", metrics=["accuracy"])

    search = kh.AutoHAS(build)
    search.search((x, y), (x_val, y_val), epochs=20, batch_size=64)
    model = search.best_model()
    model.fit(x, y, epochs=20, batch_size=64)
    ```
    """

    def __init__(self, build, *, directory=None, strategy=None, jit_compile=False, **settings):
        require("build", build, callable(build), "a function of `kt.HyperParameters`")
        self.build, self.settings = build, SearchSettings.from_dict(settings)
        self.directory, self.strategy, self.jit_compile = directory, strategy, jit_compile
        self.searcher = None

    def search(self, train, validation, epochs, batch_size=32, resume=True, progress=None):
        """Searches; goes on where a search in `directory` was interrupted.

        Args:
            train: (x, y) arrays, or a `tf.data.Dataset` of minibatches (x, y) of one size.
            validation: the same, of examples that are not among them.
            epochs: int ≥ 1, of a whole training, which horizons are shares of.
            batch_size: int ≥ 1; not for datasets.
            resume: bool, whether to go on from the newest checkpoint.
            progress: callable of a dict of figures, after each round and iteration.

        Returns:
            self.

        Raises:
            InvalidArgumentError: for data of another form, no validation data, a training that is shorter than a step
                of the search, or a checkpoint of another search.
            InUseError: if another process searches in `directory`.
        """
        require("epochs", epochs, is_integer(epochs, 1), "an int >= 1")
        if validation is None:
            raise errors.InvalidArgumentError("Expected `validation`, held-out examples that judge. Received: None.")
        seed = self.settings.seed
        searcher = Searcher(
            self._supernet(), Examples("train", train, batch_size, seed),
            Examples("validation", validation, batch_size, seed + 1), epochs, self.settings, self.directory,
            self.strategy, self.jit_compile,
        )  # fmt: skip
        with searcher.course:
            if resume:
                searcher.restore()
            self.searcher = searcher
            while (figures := searcher.advance()) is not None:
                is_due = figures["iteration"] % self.settings.checkpoint_every == 0 or "mean_loss" in figures
                if is_due:
                    searcher.save()
                if progress is not None:
                    progress(figures)
            searcher.save()
        return self

    def encodings(self):
        """Dict from the name of each choice to a dict from candidate to its probability."""
        parts = encodings.split(self._searched().probabilities(), self.searcher.sizes)
        bases = self.searcher.supernet.bases
        return {b.name: dict(zip(b.values, part.tolist(), strict=True)) for b, part in zip(bases, parts, strict=True)}

    def best_hyperparameters(self, continuous="most_probable"):
        """`kt.HyperParameters` of the found architecture and hyperparameters, for the build function or an Oracle.

        Args:
            continuous: "most_probable" candidate, or "weighted_sum" of all for continuous hyperparameters.
        """
        values = derivation.values_of(self._searched().supernet.bases, self.searcher.probabilities(), continuous)
        hp = relaxed.with_values(values)
        self.build(hp)  # declares the parameters
        hp.values = {parameter.name: hp.values[parameter.name] for parameter in hp.space}
        return hp

    def best_model(self, continuous="most_probable", inherit_weights=False, learning_rate="found"):
        """The found model, plain Keras and compiled.

        Args:
            continuous: as of `best_hyperparameters`.
            inherit_weights: bool, whether it begins with the shared weights instead of new ones.
            learning_rate: "found", or "course": that of each step of the search, where there were shared weights.

        Raises:
            InvalidArgumentError: if there are no shared weights, or the model cannot inherit them.
        """
        hp = self.best_hyperparameters(continuous)
        model = self.build(hp)
        if inherit_weights or learning_rate == "course":
            self._require_shared_weights()
        if inherit_weights:
            self._inherit(model)
        require("learning_rate", learning_rate, learning_rate in ("found", "course"), "'found' or 'course'")
        if learning_rate == "course":
            model.optimizer.learning_rate = self._course()
        return model

    def learning_rates(self):
        """The learning rate of each iteration on shared weights, float array [iterations]."""
        return np.array(self._searched().shared.rates)

    @property
    def history(self):
        """List of dicts of the rounds and iterations: losses, entropies, changes, probabilities, cost so far."""
        return self._searched().history

    @property
    def cost(self):
        """Gradients of one minibatch by weights that the search computed."""
        return self._searched().cost

    def _supernet(self):
        keras.utils.set_random_seed(self.settings.seed)
        found = self.build(relaxed.RelaxedHyperParameters())
        good = isinstance(found, compilation.Relaxed)
        require("build", found, good, "a function that returns what `autohas.compile` does")
        sizes = {name: len(basis) for name, basis in found.bases.items()}
        require("build", sizes, any(size > 1 for size in sizes.values()), "a function with a choice of two or more")
        return found

    def _searched(self):
        if self.searcher is None:
            raise errors.InvalidArgumentError("Expected a search before its results. Received: no call of `search`.")
        return self.searcher

    def _require_shared_weights(self):
        settings = self._searched().settings
        good = settings.has_shared_weights
        require("inherit_weights", settings.method, good, "False where pairs are trained on their own (method shown)")

    def _inherit(self, model):
        searcher = self.searcher
        coefficients = encodings.one_hot(searcher.probabilities(), searcher.sizes)
        inner = model.model if isinstance(model, MixupModel) else model
        x = searcher.validation.at(0)[0]
        derivation.inherit(inner, searcher.supernet, searcher.shared.state, coefficients, x)

    def _course(self):
        """The course of the rate as a schedule of Keras, constant on up to 100 pieces."""
        rates = self.learning_rates()
        pieces = np.array_split(rates, min(_PIECES, len(rates)))
        boundaries = (np.cumsum([len(piece) for piece in pieces])[:-1] - 1).tolist()  # the last steps of pieces
        return keras.optimizers.schedules.PiecewiseConstantDecay(boundaries, [float(piece.mean()) for piece in pieces])
