"""The peers of the search benchmark by name, each a function from a problem to a searcher."""

import importlib
import warnings

import keras_tuner as kt

from benchmarks.searchers import LocalMutationOracle, OptunaSearcher, OracleSearcher
from keras_hparam import errors


def _oracle(make, problem, num_trials, seed, **options):
    """An `OracleSearcher` of one Oracle class."""
    objective = kt.Objective(problem.metadata.metric, problem.goal)
    oracle = make(objective=objective, max_trials=num_trials, hyperparameters=problem.build(), seed=seed, **options)
    return OracleSearcher(oracle, problem)


def _random(problem, num_trials, seed, weights, option):
    return _oracle(kt.oracles.RandomSearchOracle, problem, num_trials, seed)


def _local(problem, num_trials, seed, weights, option):
    return _oracle(LocalMutationOracle, problem, num_trials, seed)


def _bayesian(problem, num_trials, seed, weights, option):
    warnings.filterwarnings("ignore", module="sklearn")  # its kernel's bounds are KerasTuner's choice
    return _oracle(kt.oracles.BayesianOptimizationOracle, problem, num_trials, seed)


def _optformer(problem, num_trials, seed, weights, option):
    try:
        import keras_hparam as kh

        make = kh.oracles.OptFormerOracle
    except (ImportError, AttributeError) as error:
        raise errors.UnavailableError(f"Expected keras_hparam.oracles.OptFormerOracle. Received: {error}.") from error
    options = {"weights": weights} if weights else {}
    decoding = option or "sample_and_rank"
    return _oracle(make, problem, num_trials, seed, metadata=problem.metadata, decoding=decoding, **options)


def _optuna(sampler, problem, seed, *modules):
    try:
        for module in ("optuna", *modules):  # Optuna imports some of them only at a proposal
            importlib.import_module(module)
    except ImportError as error:
        raise errors.UnavailableError(
            f"Expected {' and '.join(('optuna', *modules))} for {sampler}: pip install 'keras_hparam[benchmarks]'. "
            f"Received: {error}."
        ) from error
    import optuna

    return OptunaSearcher(getattr(optuna.samplers, sampler)(seed=seed), problem)


def _tpe(problem, num_trials, seed, weights, option):
    return _optuna("TPESampler", problem, seed)


def _gp(problem, num_trials, seed, weights, option):
    return _optuna("GPSampler", problem, seed, "scipy", "torch")


PEERS = {
    "random": _random,
    "local": _local,
    "bayesian": _bayesian,
    "optuna_tpe": _tpe,
    "optuna_gp": _gp,
    "optformer": _optformer,
}


def make(peer, problem, num_trials, seed, weights=""):
    """The searcher of one cell.

    Args:
        peer: a key of `PEERS`, for "optformer" also with a decoding, as in "optformer:greedy".
        problem: `Problem`.
        num_trials: how many trials will be asked for.
        seed: int in [1, 2^31), see `cells.search_seed`.
        weights: shipped name or path for "optformer"; empty: its default.

    Raises:
        InvalidArgumentError: if the peer is unknown.
        UnavailableError: if the peer's library is missing.
    """
    name, _, option = peer.partition(":")
    if name not in PEERS or (option and name != "optformer"):
        raise errors.InvalidArgumentError(
            f"Expected `peers` out of {sorted(PEERS)} or optformer:<decoding>. Received: {peer!r}."
        )
    return PEERS[name](problem, num_trials, seed, weights, option)
