"""The candidates of a hyper-deep ensemble: networks of settings that a search found, each in several initialisations.

Axes: M settings of the search, N of them that are selected, K members, n held-out examples.
"""

import copy
import dataclasses
import logging
import time

from keras_hparam import errors
from keras_hparam.ensembles import held_out, parallel

_BATCH_SIZE = 256  # of predictions
_LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How many of what.

    Attributes:
        ensemble_size: int >= 1, K.
        num_top: int >= 1, M; None for all.
        num_settings: int in 1..M, N; None for K, or M where that is less.
        num_initializations: int >= 1, networks of each of the N settings; None for K.

    Raises:
        InvalidArgumentError: for other values.
    """

    ensemble_size: int
    num_top: int | None = None
    num_settings: int | None = None
    num_initializations: int | None = None

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            optional = field.name != "ensemble_size" and value is None
            if not optional and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise errors.InvalidArgumentError(f"Expected `{field.name}` to be an int >= 1. Received: {value!r}.")

    def resolved(self, search, each_once):
        """The sizes with numbers for None, for a `FinishedSearch`; `each_once` says that no member may be repeated."""
        usable, unusable = len(search.settings), search.num_unusable
        top = self.num_top or usable
        if top > usable + unusable:
            raise errors.InvalidArgumentError(
                f"Expected `num_top` <= {usable + unusable}, the number of trials with different settings. "
                f"Received: {top}."
            )
        if top > usable:
            _LOGGER.warning("Of the trials %d are left out: they failed or their scores are not finite.", unusable)
            top = usable
        settings = self.num_settings or min(self.ensemble_size, top)
        initializations = self.num_initializations or self.ensemble_size
        if settings > top:
            raise errors.InvalidArgumentError(
                f"Expected `num_settings` <= {top}, the number of settings to select from. Received: {settings}."
            )
        if each_once and self.ensemble_size > settings * initializations:
            raise errors.InvalidArgumentError(
                f"Expected `ensemble_size` <= num_settings · num_initializations = {settings * initializations}, the "
                f"number of networks to select from. Received: {self.ensemble_size}."
            )
        return Sizes(self.ensemble_size, top, settings, initializations)


class NetworkPool:
    """Makes the networks that are asked for, unless the store has them, and gives their predictions.

    A network is asked for as (setting, initialization). Number 0 is the one that the search has saved, if `use_saved`.

    Args:
        search: `FinishedSearch`.
        store: `NetworkStore`.
        inputs: of the n held-out examples.
        fit: (args, kwargs) of `search.fit`, the callbacks among the kwargs.
        seed: int >= 0.
        devices: names of devices, see `parallel.run`.
        use_saved: bool.

    Example:

    ```python
    pool = NetworkPool(search, store, x_validation, ((x, y), {"epochs": 3}), seed=0)
    predictions = pool.predictions([(search.settings[0], 0), (search.settings[0], 1)])
    ```
    """

    def __init__(self, search, store, inputs, fit, seed, devices=(), use_saved=False):
        self.search, self.store, self.inputs, self.fit = search, store, inputs, fit
        self.seed, self.devices, self.use_saved = seed, devices, use_saved

    def predictions(self, requests):
        """The predictions [n, …] of each of the networks that are asked for, a list."""
        missing = [request for request in requests if self._name(request) not in self.store]
        _LOGGER.info("%d networks, %d of them are there already.", len(requests), len(requests) - len(missing))
        if self.use_saved:  # here, in the thread of the caller: KerasTuner clears Keras' session when it loads
            missing = [request for request in missing if request[1] or not self._load_saved(request)]
        numbered = [(f"{number} of {len(missing)}", request) for number, request in enumerate(missing, 1)]
        parallel.run(self._train, numbered, self.devices)
        return [self.store.predictions(self._name(request), self._facts(request)) for request in requests]

    def finite(self, requests, least, what):
        """(requests, predictions) without the networks whose predictions are not finite, which a warning names.

        Raises:
            InvalidArgumentError: if fewer than `least` remain.
        """
        predictions = self.predictions(requests)
        kept = held_out.finite(predictions)
        for index in sorted({*range(len(requests))} - {*kept}):
            setting, initialization = requests[index]
            _LOGGER.warning(
                "A network with predictions that are not finite is left out: initialization %d of %s.",
                *(initialization, setting.values),
            )
        if len(kept) < least:
            raise errors.InvalidArgumentError(
                f"Expected at least {least} networks with finite predictions for {what}. "
                f"Received: {len(kept)} of {len(requests)}."
            )
        return [requests[index] for index in kept], [predictions[index] for index in kept]

    def load(self, request):
        """A network, not compiled."""
        return self.store.load(self._name(request))

    def _train(self, numbered):
        number, request = numbered
        setting, initialization = request
        begun, (args, kwargs) = time.perf_counter(), self.fit
        kwargs = dict(kwargs)
        callbacks = copy.deepcopy(list(kwargs.pop("callbacks", None) or []))
        with parallel.seeded(parallel.seed_of(self.seed, int(setting.sha256[:8], 16), initialization)) as started:
            model = self.search.build(setting)
            self.search.fit(setting, model, *args, callbacks=[*callbacks, started], **kwargs)
        self._save(request, model)
        seconds = time.perf_counter() - begun
        _LOGGER.info("network %s: initialization %d of %s, %.1f s", number, initialization, setting.values, seconds)

    def _load_saved(self, request):
        model = self.search.load(request[0])
        if model is not None:
            self._save(request, model)
        return model is not None

    def _save(self, request, model):
        predictions = model.predict(self.inputs, batch_size=_BATCH_SIZE, verbose=0)
        self.store.save(self._name(request), model, predictions, self._facts(request))

    def _name(self, request):
        setting, initialization = request
        return f"{setting.sha256[:16]}-{initialization:03d}"

    def _facts(self, request):
        setting, initialization = request
        facts = {"values": setting.values, "initialization": initialization}
        if self.use_saved and not initialization:
            facts |= {"trial": setting.trial.trial_id, "score": float(setting.trial.score)}
        return facts
