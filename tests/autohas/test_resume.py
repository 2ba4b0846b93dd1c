"""Searches that are killed and started again end as if nothing had happened; two replicas find what one finds."""

import keras
import numpy as np
import pytest

from keras_hparam import checkpoints, errors
from keras_hparam.autohas.searcher import CHECKPOINT_KIND
from keras_hparam.distribute import strategies
from tests.autohas import problems, searches


class Killed(Exception):
    """Ends a search from inside of its `progress`."""


def kill_after(number):
    def progress(figures):
        if figures["round"] + figures["iteration"] >= number:
            raise Killed

    return progress


def killed(name, directory, number, **settings):
    """A search that ended after so many rounds and iterations."""
    search = searches.made(name, directory=directory, **settings)
    with pytest.raises(Killed):
        searches.run(search, progress=kill_after(number))
    return search


def assert_same(one, other):
    """Two searchers in the same state, to the last bit."""
    np.testing.assert_array_equal(one.current_logits(), other.current_logits())
    assert one.history == other.history and one.stopped == other.stopped
    assert (one.round, one.iteration, one.cost) == (other.round, other.iteration, other.cost)
    assert one.shared.rates == other.shared.rates
    states = [keras.tree.flatten(searcher.shared.state) for searcher in (one, other)]
    for found, wanted in zip(*states, strict=True):
        np.testing.assert_array_equal(np.asarray(found), np.asarray(wanted))


KILLS = [("sampled", 2, 1), ("sampled_ahead", 2, 1), ("differentiable", 6, 4), ("differentiable_ahead", 3, 2)]


@pytest.mark.parametrize("name, number, every", KILLS)
def test_a_killed_search_ends_as_if_it_had_not_been(name, number, every, tmp_path):
    search = killed(name, tmp_path, number, checkpoint_every=every)
    again = searches.run(searches.made(name, directory=tmp_path, checkpoint_every=every))
    while search.searcher.advance() is not None:  # the first goes on as if it had not been killed
        pass
    assert_same(again.searcher, search.searcher)
    assert again.history[-1]["probabilities"] == searches.finished(name).history[-1]["probabilities"]


@pytest.mark.parametrize("name", ["sampled_ahead", "differentiable"])
def test_a_search_goes_on_from_any_round_and_iteration(name, tmp_path):
    searcher, number = killed(name, tmp_path / "first", 1).searcher, 0
    while True:
        number += 1
        searcher.course = checkpoints.Course(tmp_path / str(number), CHECKPOINT_KIND, facts=searcher._facts)
        searcher.save()
        if searcher.advance() is None:
            break
    wanted = searches.finished(name)
    for step in range(1, number + 1):
        searcher.course = checkpoints.Course(tmp_path / str(step), CHECKPOINT_KIND, facts=searcher._facts)
        assert searcher.restore()
        assert len(searcher.history) == step
        while searcher.advance() is not None:
            pass
        assert_same(searcher, wanted.searcher)


def test_a_finished_search_stays_finished_and_may_begin_anew(tmp_path):
    def intrude(figures):
        with pytest.raises(errors.InUseError, match="`workdir`"):
            searches.run(searches.made(directory=tmp_path, rounds=2))

    first = searches.run(searches.made(directory=tmp_path, rounds=2), progress=intrude)
    heard = []
    again = searches.run(searches.made(directory=tmp_path, rounds=2), progress=heard.append)
    assert heard == [] and again.encodings() == first.encodings() and again.history == first.history
    anew = searches.made(directory=tmp_path, rounds=2)
    with pytest.raises(Killed):
        searches.run(anew, progress=kill_after(1), resume=False)
    assert len(anew.history) == 1
    assert len(searches.run(searches.made(directory=tmp_path, rounds=2), progress=heard.append).history) == 2
    assert [one["round"] for one in heard] == [2]


def test_without_a_directory_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    search = searches.run(searches.made(rounds=1, samples=2))
    assert not search.searcher.restore() and list(tmp_path.iterdir()) == []


def other_candidates(hp):
    """`simple` with other rates."""
    model = problems.network(hp)
    return problems.compile(model, hp, optimizer=["sgd", "adam"], learning_rate=[0.1, 0.02], loss=problems.LOSS)


@pytest.mark.parametrize(
    "settings, arguments, named",
    [
        ({"seed": 1}, {}, "'seed': 1"),
        ({"build": other_candidates}, {}, "0.02"),
        ({}, {"epochs": 3}, "'steps': 24"),
    ],
)
def test_a_checkpoint_of_another_search_is_refused(settings, arguments, named, tmp_path):
    killed("sampled", tmp_path, 1)
    with pytest.raises(errors.InvalidArgumentError, match="Expected the `workdir` .*checkpoints of this") as caught:
        searches.run(searches.made(directory=tmp_path, **settings), **arguments)
    assert named in str(caught.value) and str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("name", searches.METHODS)
def test_two_replicas_find_what_one_device_finds(name, logical_cpus):
    search = searches.made(name, strategy=strategies.mirrored(*logical_cpus))
    found, wanted = searches.run(search).history, searches.finished(name).history
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one["probabilities"], other["probabilities"], atol=1e-5)
        assert one["cost"] == other["cost"]
