"""How proposals are made: the options of the planner, checked."""

import dataclasses
import numbers
from collections.abc import Mapping

from keras_hparam import errors
from keras_hparam.optformer import arguments

DECODINGS = ("sample_and_rank", "beam", "sample", "nucleus", "greedy")
PENDING = ("predict", "placeholder")
ACQUISITIONS = ("ei", "pi", "ucb", "thompson")
PRIORS = ("model", "random", "local", "border", "gaussian_process")
DEFAULT_PRIOR = {"model": 12, "random": 32, "local": 48, "border": 8, "gaussian_process": 8}


@dataclasses.dataclass(frozen=True)
class PlanningSettings:
    """How proposals are made.

    Args:
        decoding: "sample_and_rank" (of many candidates the one with the best acquisition), or from the model alone:
            "beam" (the most probable values), "sample" (at `temperature`), "nucleus" (the same within `top_p`) or
            "greedy" (the most probable value of one parameter after the other).
        pending: how trials that run are shown to the model: "predict" (with the median of its own prediction for their
            objective; as failed where a failure is more likely than not), or "placeholder" (with an unknown objective).
            Candidates next to them are worth less with placeholders, and while no trial has completed.
        acquisition: what ranks candidates: "ei" (expected improvement), "pi" (probability of improvement), "ucb" (upper
            confidence bound), "thompson" (a draw from each candidate's prediction), or a function of `probabilities`
            [N, B] of N candidates, `values` [B] of the bins and the `best` value so far that returns scores [N], larger
            is better. The objective is normalised: 0 to 1, larger is better, the best so far at 0.75 and the median at
            0.45; what probabilities lack to 1 is a failure. Before a trial has completed, `best` is 0, and "ei" and
            "pi" rank by the mean.
        prior: where candidates come from, unless they are enumerated: "model" (sampled from it), "random", "local"
            (mutations of the best trials), "border" (the best trials with some numbers at an end of their range),
            "gaussian_process" (of the largest expected improvement to it; needs `gaussian_process`), or a
            function of (study, rng, count) that returns tokens [n, D] as `study.tokens` has them, or a list of dicts of
            values; a list of these, or a mapping to their shares of the candidates. None for a mixture of all, and for
            the first trial for random candidates with all numbers in the inner half of their range. Where nothing
            untried comes of it, such as "local" before a trial has completed, candidates are random.
        gaussian_process: whether the model's predictions of candidates are mixed with those of a Gaussian process, by
            how well each has predicted the trials so far.
        num_candidates: candidates of a proposal.
        refined_candidates: candidates of a second round, mutations of the best of the first, from the second trial on;
            0 for none.
        enumerate_up_to: a space of at most so many configurations is enumerated: all of them are candidates.
        num_elites: trials (and first-round candidates) around which candidates are drawn.
        largest_gain: bound on the improvement that counts in "ei", > 0, in units of the normalised objective, in which
            the distance from the best trial to the median is 0.3; 1 for the plain expected improvement.
        beta: of "ucb", >= 0, in standard deviations.
        beam_width: rows that "beam" searches, >= 1.
        temperature: of samples of the model, > 0.
        top_p: of "nucleus", in (0, 1].

    Raises:
        InvalidArgumentError: for values out of range.
    """

    decoding: str = "sample_and_rank"
    pending: str = "predict"
    acquisition: object = "ei"
    prior: object = None
    gaussian_process: bool = True
    num_candidates: int = 400
    refined_candidates: int = 96
    enumerate_up_to: int = 512
    num_elites: int = 5
    largest_gain: float = 0.1
    beta: float = 2.0
    beam_width: int = 16
    temperature: float = 1.0
    top_p: float = 0.9

    def __post_init__(self):
        _check_choice("decoding", self.decoding, DECODINGS)
        _check_choice("pending", self.pending, PENDING)
        if not callable(self.acquisition):
            _check_choice("acquisition", self.acquisition, ACQUISITIONS, " or a function")
        _checked_shares(self.prior)
        if not isinstance(self.gaussian_process, bool):
            raise errors.InvalidArgumentError(
                f"Expected `gaussian_process` to be True or False. Received: {self.gaussian_process!r}."
            )
        if self.prior is not None and not self.gaussian_process:
            if any(prior == "gaussian_process" for prior, _ in as_shares(self.prior)):
                raise errors.InvalidArgumentError(
                    f"Expected `prior` without 'gaussian_process' where `gaussian_process` is off. "
                    f"Received: {self.prior!r}."
                )
        for name in ("num_candidates", "num_elites", "beam_width"):
            arguments.as_integer(name, getattr(self, name), 1)
        for name in ("refined_candidates", "enumerate_up_to"):
            arguments.as_integer(name, getattr(self, name), 0)
        for name, allowed, holds in (
            ("largest_gain", "> 0", lambda x: x > 0),
            ("temperature", "> 0", lambda x: x > 0),
            ("beta", ">= 0", lambda x: x >= 0),
            ("top_p", "in (0, 1]", lambda x: 0 < x <= 1),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, numbers.Real) or not holds(value):
                raise errors.InvalidArgumentError(f"Expected `{name}` to be a number {allowed}. Received: {value!r}.")

    def prior_counts(self):
        """List of (name or function, number of its candidates, at least 1), about `num_candidates` in all."""
        shares = as_shares(self.prior)
        if self.prior is None and not self.gaussian_process:
            shares = [(prior, share) for prior, share in shares if prior != "gaussian_process"]
        total = sum(share for _, share in shares)
        return [(prior, max(round(self.num_candidates * share / total), 1)) for prior, share in shares]


NAMES = tuple(field.name for field in dataclasses.fields(PlanningSettings))


def as_shares(prior):
    """List of (prior, share) of what users give as `prior`: one, a list of these or of such pairs, or a mapping."""
    if prior is None:
        prior = DEFAULT_PRIOR
    if isinstance(prior, Mapping):
        return list(prior.items())
    if not isinstance(prior, (list, tuple)):
        prior = [prior]
    return [one if isinstance(one, tuple) and len(one) == 2 else (one, 1) for one in prior]


def _checked_shares(prior):
    shares = as_shares(prior)
    for one, share in shares:
        if not callable(one):
            _check_choice("prior", one, PRIORS, " or a function, a list of these, or a mapping from these to shares")
        if isinstance(share, bool) or not isinstance(share, numbers.Real) or not 0 < share < float("inf"):
            raise errors.InvalidArgumentError(f"Expected shares > 0 in `prior`. Received: {one!r}: {share!r}.")
    if not shares:
        raise errors.InvalidArgumentError(f"Expected `prior` with at least one entry. Received: {prior!r}.")


def _check_choice(name, value, choices, others=""):
    if not isinstance(value, str) or value not in choices:
        raise errors.InvalidArgumentError(f"Expected `{name}` to be one of {choices}{others}. Received: {value!r}.")
