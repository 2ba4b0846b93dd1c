"""Leases against a clock that the test sets."""

import pytest

from keras_hparam import errors
from keras_hparam.parallel.leases import Leases
from keras_hparam.parallel.settings import ParallelSettings, role


def test_a_lease_ends_unless_it_is_renewed():
    now = [0.0]
    leases = Leases(10.0, lambda: now[0])
    leases.take("0", "worker-1", "a")
    leases.take("1", "worker-2", "b")
    now[0] = 9.0
    leases.renew("a")
    now[0] = 10.0
    assert leases.expired() == ["1"] and leases.holds("0", "a") and not leases.holds("0", "b")
    assert leases.end("1").tuner_id == "worker-2" and leases.end("1") is None
    now[0] = 19.0
    assert leases.expired() == ["0"]


def test_workers_of_kerastuner_itself_cannot_renew_and_keep_their_trials():
    now = [0.0]
    leases = Leases(10.0, lambda: now[0])
    leases.take("0", "worker-1", None)
    now[0] = 1e9
    assert leases.expired() == [] and leases.holds("0", None) and leases.of_sessions() == {}


def test_saved_leases_begin_anew():
    now = [0.0]
    leases = Leases(10.0, lambda: now[0])
    leases.take("0", "worker-1", "a")
    now[0] = 9.0
    again = Leases(10.0, lambda: now[0])
    again.restore(leases.of_sessions())
    now[0] = 18.0
    assert again.all()["0"][:2] == ("worker-1", "a") and again.expired() == []


@pytest.mark.parametrize("given, named", [
    ({"lease_seconds": 0}, "lease_seconds"), ({"trial_seconds": -1.0}, "trial_seconds"), ({"max_losses": 0}, "max_"),
    ({"chief_seconds": float("inf")}, "chief_seconds"),
])  # fmt: skip
def test_wrong_settings_are_named(given, named):
    with pytest.raises(errors.InvalidArgumentError, match=f"Expected `{named}"):
        ParallelSettings(**given)


@pytest.mark.parametrize("name, address, port, expected", [
    (None, None, None, "alone"), ("chief", "127.0.0.1", "80", "chief"), ("w", "127.0.0.1", "80", "worker"),
    (None, "127.0.0.1", "80", None), ("w", "127.0.0.1", None, None), ("w", "127.0.0.1", "http", None),
    ("w", "127.0.0.1", "65536", None),
])  # fmt: skip
def test_the_environment_says_what_a_process_is(monkeypatch, name, address, port, expected):
    variables = {"TUNER_ID": name, "ORACLE_IP": address, "ORACLE_PORT": port}
    for variable, value in variables.items():
        if value is None:
            monkeypatch.delenv(f"KERASTUNER_{variable}", raising=False)
        else:
            monkeypatch.setenv(f"KERASTUNER_{variable}", value)
    if expected is not None:
        assert role() == expected
    else:
        with pytest.raises(errors.InvalidArgumentError, match="KERASTUNER_ORACLE_PORT"):
            role()
