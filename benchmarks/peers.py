"""The peers of the benchmarks by name, each a function from a problem to a searcher.

A peer is written `name[:option]...[@weights]`: "optuna_gp", "optformer:greedy", "planning:ucb:num_candidates=256",
"planning@W/weights". Options are arguments of our Oracles; one without a name is the decoding of optformer or the
acquisition of planning. Weights, a shipped name or a folder, are theirs as well.
"""

import importlib
import json
import pathlib
import typing
import warnings

import keras_tuner as kt

from benchmarks.searchers import LocalMutationOracle, OptunaSearcher, OracleSearcher
from keras_hparam import errors


class Peer(typing.NamedTuple):
    """What a peer's text says; there may be no options and no weights ("")."""

    name: str
    options: tuple
    weights: str

    @property
    def label(self):
        """The text without the folders that lead to the weights: what tables show and cells are filed under."""
        return ":".join((self.name, *self.options)) + (self.weights and f"@{pathlib.PurePath(self.weights).name}")

    def arguments(self, unnamed):
        """The options and weights as a dict; `unnamed` is the name of the option without one; values may be JSON."""
        result = {"weights": self.weights} if self.weights else {}
        for option in self.options:
            name, equals, value = option.partition("=")
            result[name if equals else unnamed] = _parse_value(value) if equals else name
        return result


def _parse_value(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def parse(text):
    """The `Peer` that a text names.

    Raises:
        InvalidArgumentError: if the name is unknown, or has options or weights that are not its own.
    """
    rest, _, weights = text.partition("@")
    name, *options = rest.split(":")
    if name not in PEERS or ((options or weights) and name not in OURS):
        raise errors.InvalidArgumentError(
            f"Expected `peers` out of {sorted(PEERS)}, and of {sorted(OURS)} also name:option@weights. "
            f"Received: {text!r}."
        )
    return Peer(name, tuple(options), weights)


def make(text, problem, num_trials, seed):
    """The searcher of one search.

    Args:
        text: the peer.
        problem: `Problem`.
        num_trials: how many trials will be asked for.
        seed: int in [1, 2^31), see `cells.search_seed`.

    Returns:
        An object with `ask()` and `tell(objective)`, see `searchers`.

    Raises:
        InvalidArgumentError: if the peer is unknown.
        UnavailableError: if the peer's library is missing.
    """
    peer = parse(text)
    return PEERS[peer.name](peer, problem, num_trials, seed)


def _oracle(make_oracle, problem, num_trials, seed, **options):
    """An `OracleSearcher` of one Oracle class."""
    objective = kt.Objective(problem.metadata.metric, problem.goal)
    oracle = make_oracle(
        objective=objective, max_trials=num_trials, hyperparameters=problem.build(), seed=seed, **options
    )
    return OracleSearcher(oracle, problem)


def _random(peer, problem, num_trials, seed):
    return _oracle(kt.oracles.RandomSearchOracle, problem, num_trials, seed)


def _local(peer, problem, num_trials, seed):
    return _oracle(LocalMutationOracle, problem, num_trials, seed)


def _bayesian(peer, problem, num_trials, seed):
    warnings.filterwarnings("ignore", module="sklearn")  # its kernel's bounds are KerasTuner's choice
    return _oracle(kt.oracles.BayesianOptimizationOracle, problem, num_trials, seed)


def _ours(class_name, unnamed):
    """The function of one of our Oracles, whose option without a name is the argument `unnamed`."""

    def make_ours(peer, problem, num_trials, seed):
        oracles = importlib.import_module("keras_hparam.oracles")
        given = peer.arguments(unnamed)
        return _oracle(getattr(oracles, class_name), problem, num_trials, seed, metadata=problem.metadata, **given)

    return make_ours


def _optuna(sampler, *modules):
    """The function of one of Optuna's samplers with its defaults."""

    def make_optuna(peer, problem, num_trials, seed):
        try:
            for module in ("optuna", *modules):  # Optuna imports some of them only at a proposal
                importlib.import_module(module)
        except ImportError as error:
            raise errors.UnavailableError(
                f"Expected {' and '.join(('optuna', *modules))} for {sampler}: "
                f"pip install 'keras_hparam[benchmarks]'. Received: {error}."
            ) from error
        return OptunaSearcher(sampler, problem, seed)

    return make_optuna


OURS = {"optformer": _ours("OptFormerOracle", "decoding"), "planning": _ours("PlanningOracle", "acquisition")}
PEERS = {
    "random": _random,
    "local": _local,
    "bayesian": _bayesian,
    "optuna_tpe": _optuna("TPESampler"),
    "optuna_gp": _optuna("GPSampler", "scipy", "torch"),
    "optuna_cmaes": _optuna("CmaEsSampler", "cmaes"),
    **OURS,
}
