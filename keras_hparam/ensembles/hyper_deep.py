"""`HyperDeepEnsemble`: separate networks that differ in hyperparameters and in initialisation, chosen greedily.

Axes: M settings of a search, N of them that are selected, K members, n examples.
"""

import inspect

import keras
from keras import tree

from keras_hparam.ensembles import held_out, parallel
from keras_hparam.ensembles import hyper_deep_steps as steps
from keras_hparam.ensembles.deep_ensemble import DeepEnsemble, output_kind_of
from keras_hparam.ensembles.network_pool import NetworkPool, Sizes
from keras_hparam.ensembles.network_store import NetworkStore
from keras_hparam.ensembles.selection import Selection


@keras.saving.register_keras_serializable(package="keras_hparam")
class HyperDeepEnsemble(DeepEnsemble):
    """A `DeepEnsemble` that remembers how its members were found; make one with `from_tuner` or `from_hypermodel`.

    Args:
        members, weights, **kwargs: of `DeepEnsemble`.
        settings: list of dicts, the hyperparameters of each member.
        selection: (members, weights, losses) of the `Selection` among the networks of the N settings.

    Attributes:
        settings: tuple of dicts, the hyperparameters of each of `networks`.
        selection: `Selection`, with the order of selection (indices of networks, setting by setting, of those whose
            predictions are finite) and the validation loss after each step; None where none was given.

    Raises:
        InvalidArgumentError: as of `DeepEnsemble`.

    Source: Wenzel et al. 2020, arXiv 2006.13570, algorithm 1; CN115516466A, claims 10 to 17.

    Example:

    ```python
    tuner = keras_tuner.RandomSearch(build, "val_loss", max_trials=30)
    tuner.search(x, y, validation_data=validation, epochs=10)
    ensemble = kh.ensembles.HyperDeepEnsemble.from_tuner(tuner, 4, x, y, validation, epochs=10, directory="networks")
    ensemble.predict(x_test), ensemble.uncertainty(x_test, "mutual_information"), ensemble.save("ensemble.keras")
    ```
    """

    def __init__(self, members, weights=None, *, settings=(), selection=None, **kwargs):
        super().__init__(members, weights, **kwargs)
        self._found = {"settings": tuple(settings), "selection": selection}

    @property
    def settings(self):
        return tuple(dict(one) for one in self._found["settings"])

    @property
    def selection(self):
        found = self._found["selection"]
        return None if found is None else Selection(*(tuple(part) for part in found))

    @classmethod
    def from_tuner(
        cls, tuner, ensemble_size, x=None, y=None, validation_data=None, *, num_top=None, num_settings=None,
        num_initializations=None, loss=None, replacement=True, unique=True, second_candidates="saved",
        output_kind=None, combination="mean", trim=1, directory=None, strategy=None, seed=0, **fit_arguments,
    ):  # fmt: skip
        """An ensemble from a finished search.

        Of the M best settings of the search, N are selected greedily, by the validation loss of the ensemble of one
        network of each. Networks of these with several initialisations are trained; K of them are selected greedily.

        Trained networks are kept in `directory`, where a run that was killed goes on. Each network has a seed that
        depends on `seed`, its setting and the number of its initialisation: results do not depend on the devices. (A
        `tf.data.Dataset` that shuffles continues its own random numbers; a `hypermodel.fit` that draws numbers from the
        process' generators after its first batch finds others there if several networks train at a time.) The process'
        random seeds are set anew for each network.

        Args:
            tuner: `keras_tuner.Tuner` after its search. Trials that failed, or without a finite score, do not count.
            ensemble_size: int >= 1, K.
            x, y: training data, as of `fit`: arrays, or a dataset as x alone.
            validation_data: (x, y) or a finite dataset; also given to `fit`.
            num_top: int >= N, M; None for all settings.
            num_settings: int in 1..M, N; None for K.
            num_initializations: int >= 1, networks of each of the N settings in the second selection; None for K. The
                network of the first selection is one of them.
            loss: of both selections, see `greedy_selection`. None for the negative log-likelihood; of outputs that are
                points, "mse".
            replacement, unique: of the second selection, see `greedy_selection`; by default K different members, of
                which some may count more than once.
            second_candidates: networks of the first selection: "saved" by the tuner at their best epoch (where one is
                missing, it is trained anew), or "trained" here.
            output_kind, combination, trim: as of `DeepEnsemble`.
            directory: path for trained networks, new or of an earlier run with the same arguments; None for none.
            strategy: `tf.distribute.Strategy`, on each of whose devices one network trains at a time; None for one
                after the other.
            seed: int >= 0.
            **fit_arguments: of `hypermodel.fit`, such as `epochs`, `batch_size`, `callbacks` (which are copied).

        Returns:
            `HyperDeepEnsemble`, compiled with the loss and the metrics of the hypermodel's models.

        Raises:
            InvalidArgumentError: if an argument is wrong, or too few networks predict finite numbers.
            CorruptFileError: if files in the directory are damaged.
        """
        from keras_hparam.ensembles.search_tuner import FinishedSearch

        search, devices = FinishedSearch(tuner), parallel.devices_of(strategy)
        steps.check_arguments(x, validation_data, seed, second_candidates, combination, replacement)
        sizes = Sizes(ensemble_size, num_top, num_settings, num_initializations)
        sizes = sizes.resolved(search, each_once=unique or not replacement)
        inputs, labels = held_out.held_out(validation_data)
        probe = search.build(search.settings[0])
        kind = output_kind or output_kind_of([probe])
        steps.check_probe(probe, inputs, labels, kind, loss)
        compile_arguments = steps.compile_arguments(probe)
        data = (x,) if y is None else (x, y)
        description = steps.describe(search, data, (inputs, labels), fit_arguments, second_candidates, seed)
        fit = (data, {"verbose": 0, "validation_data": validation_data, **fit_arguments})
        with steps.folder(directory) as path:
            store = NetworkStore(path, description)
            pool = NetworkPool(search, store, inputs, fit, seed, devices, use_saved=second_candidates == "saved")
            judge = {"labels": labels, "kind": kind, "loss": loss}
            requests, selection = steps.select(pool, search, sizes, judge, replacement, unique)
            chosen = [requests[index] for index in selection.unique_members]
            networks = [pool.load(request) for request in chosen]
        ensemble = cls(
            networks,
            None if len({*selection.weights}) == 1 else selection.weights,
            settings=[setting.values for setting, _ in chosen],
            selection=selection,
            output_kind=kind,
            combination=combination,
            trim=trim,
        )
        ensemble(tree.map_structure(lambda array: array[:1], inputs))  # builds
        if compile_arguments:
            ensemble.compile(**compile_arguments)
        return ensemble

    @classmethod
    def from_hypermodel(
        cls, hypermodel, objective, max_trials, ensemble_size, x=None, y=None, validation_data=None, *,
        tuner_class=None, tuner_arguments=None, directory=None, seed=0, **arguments,
    ):  # fmt: skip
        """An ensemble from a search that is run first, or finished if it was killed.

        Args:
            hypermodel: `keras_tuner.HyperModel`, or a function of hyperparameters that gives a compiled model.
            objective: of the search, such as "val_loss".
            max_trials: int >= 1, trials of the search; None for classes of tuners that have no such argument.
            ensemble_size, x, y, validation_data, seed: as of `from_tuner`.
            tuner_class: class of KerasTuner's tuners; None for `keras_tuner.RandomSearch`.
            tuner_arguments: dict of further arguments of the class.
            directory: path, whose subfolders "search" and "networks" hold the search and the networks; None for none.
            **arguments: of `from_tuner`, those of `hypermodel.fit` among them, which the search also takes.

        Returns, Raises: as `from_tuner`.
        """
        from keras_hparam.ensembles.search_tuner import run_search

        own = inspect.signature(cls.from_tuner).parameters.keys() & arguments.keys()
        fit = {name: value for name, value in arguments.items() if name not in own}
        checked = {name: arguments[name] for name in own & {"second_candidates", "combination", "replacement"}}
        steps.check_arguments(x, validation_data, seed, **checked)
        Sizes(ensemble_size, *(arguments.get(name) for name in ("num_top", "num_settings", "num_initializations")))
        fit = {"verbose": 0, "validation_data": validation_data, **fit}
        with steps.folder(directory) as path:
            keras.utils.set_random_seed(parallel.seed_of(seed))
            tuner = run_search(
                hypermodel, objective, max_trials, tuner_class, path, seed, tuner_arguments or {},
                *((x,) if y is None else (x, y)), **fit,
            )  # fmt: skip
            return cls.from_tuner(
                tuner, ensemble_size, x, y, validation_data, directory=path / "networks", seed=seed, **arguments
            )

    def get_config(self):
        selection = self.selection and [list(part) for part in self.selection]
        return {**super().get_config(), "settings": list(self.settings), "selection": selection}
