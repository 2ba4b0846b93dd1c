"""Random spaces and the meaning of names."""

import numpy as np
import pytest

from keras_hparam.optformer.corpus import conditions, draws, names, roles, search_spaces
from keras_hparam.optformer.corpus.parameters import themed_parameter
from keras_hparam.spaces import Parameter


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("learning_rate", "learning_rate"),
        ("opt_kw.lr", "learning_rate"),
        ("clf__C", "svm_c"),
        ("units_3", "width"),
        ("dropout_1", "dropout"),
        ("hp_max_depth", "tree_depth"),
        ("beta_1", "beta"),
        ("l2", "weight_decay"),
        ("x0", None),
        ("kamu_3", None),
    ],
)
def test_a_name_tells_its_role(name, role):
    assert roles.role_of(name) == role


def test_aliases_are_not_shared():
    aliases = [alias for spec in roles.ROLES.values() for alias in spec.aliases]
    assert len(aliases) == len(set(aliases))
    assert all(set(theme) <= set(roles.ROLES) for theme in names.THEMES.values())


@pytest.mark.parametrize("role", sorted(roles.ROLES))
def test_a_role_gives_parameters_that_are_known_by_it(role):
    rng = np.random.default_rng(3)
    for alias in roles.ROLES[role].aliases:
        parameter = themed_parameter(rng, role, alias)
        assert roles.role_of(parameter.name) == role
        assert all(parameter.contains(parameter.from_unit(unit)) for unit in (0.0, 0.3, 1.0))


def test_themed_spaces_have_meaning_and_others_none():
    rng = np.random.default_rng(0)
    for themed in (True, False):
        for _ in range(60):
            space, theme = search_spaces.random_space(rng, 8, themed)
            known = [roles.role_of(p.name) for p in space.parameters if not p.name.startswith("use_")]
            assert len(space) <= 8 and (theme != names.NO_THEME) == themed
            if themed:
                assert all(role in roles.ROLES for role in known)


def test_units_of_absent_layers_are_inactive():
    depth = Parameter("num_layers", "int", low=1, high=3)
    rng = np.random.default_rng(0)
    placed = conditions._repeat_layers(rng, depth, [], 12)
    assert [len(p.conditions) for p in placed] == [0, 0, 1, 1]
    assert placed[3].conditions[0].values == (3,)


def test_a_twin_replaces_a_parameter_where_that_is_inactive():
    rng = np.random.default_rng(0)
    parent = Parameter("optimizer", "choice", values=("adam", "sgd"))
    rate = Parameter(
        "lr", "float", low=1e-4, high=1e-2, scale="log", conditions=(conditions.Condition("optimizer", ("adam",)),)
    )
    first, second = conditions._add_twin(rng, [parent, rate])[1:]
    assert first.name == second.name and second.conditions[0].values == ("sgd",) and first.low != second.low


def test_draws_follow_their_weights():
    rng = np.random.default_rng(0)
    drawn = [draws.pick(rng, "abc", (1, 0, 3)) for _ in range(4000)]
    assert drawn.count("b") == 0
    assert drawn.count("c") / 4000 == pytest.approx(0.75, abs=0.03)
    whole = [draws.whole_between(rng, 2, 4) for _ in range(3000)]
    assert np.bincount(whole, minlength=5)[2:] / 3000 == pytest.approx(1 / 3, abs=0.04)
    logs = np.log10([draws.log_between(rng, 1e-4, 1.0) for _ in range(2000)])
    assert logs.min() > -4 and logs.max() < 0 and logs.mean() == pytest.approx(-2, abs=0.12)
