"""A training goes on with its own checkpoints only."""

import pytest

from keras_hparam import errors
from keras_hparam.checkpoints import CheckpointManager, check_facts

FACTS = {"settings": {"seed": 3, "lengths": [5, 50]}, "tasks": ["a", "b"], "share": 0.25, "cap": None, "old": True}


@pytest.mark.parametrize("before", [FACTS, {**FACTS, "further": 1}])
def test_the_same_facts_are_accepted(before, tmp_path):
    assert check_facts(before, FACTS, tmp_path) is None
    assert check_facts({}, {}, tmp_path) is None


def test_facts_of_a_checkpoint_are_those_that_were_saved(tmp_path):
    manager = CheckpointManager(tmp_path)
    manager.save(1, {}, {"facts": FACTS})
    assert check_facts(manager.restore().state["facts"], FACTS, tmp_path) is None


@pytest.mark.parametrize(
    "changed, expected",
    [
        ({"share": 0.5}, "{'share': 0.5}. Received: {'share': 0.25}."),
        ({"tasks": ["b", "a"]}, "{'tasks': ['b', 'a']}. Received: {'tasks': ['a', 'b']}."),
        ({"settings": {"seed": 3, "lengths": [5, 51]}}, "'lengths': [5, 51]}}. Received: {'settings': {'seed': 3, "),
        ({"share": 0, "cap": 0.1}, "{'share': 0, 'cap': 0.1}. Received: {'share': 0.25, 'cap': None}."),
        ({"new": 2}, "{'new': 2}. Received: {'new': None}."),
    ],
)
def test_what_differs_is_named_and_nothing_else(changed, expected, tmp_path):
    with pytest.raises(errors.InvalidArgumentError) as raised:
        check_facts(FACTS, {**FACTS, **changed}, tmp_path / "workdir")
    message = str(raised.value)
    assert expected in message and f"the `workdir` {tmp_path / 'workdir'} to hold" in message
    assert not any(f"'{name}'" in message for name in FACTS if name not in changed)


def test_everything_differs_from_nothing(tmp_path):
    with pytest.raises(errors.InvalidArgumentError, match="'settings'.*'tasks'.*'share'.*'old'"):
        check_facts({}, FACTS, tmp_path)
