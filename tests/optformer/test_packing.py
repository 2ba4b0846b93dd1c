"""Layouts and packing: distinct slots, parents first, reversible tokens, kept trials, padding."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_hparam.optformer import corpus, packing
from keras_hparam.optformer.config import OptFormerConfig
from keras_hparam.optformer.embeddings import CATEGORICAL
from keras_hparam.optformer.study import Metadata, Study
from keras_hparam.spaces import Parameter, SearchSpace

CONFIG = OptFormerConfig(first_bin=100)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_tokens_come_back_from_any_layout(index):
    study = corpus.generate_study(0, index, max_trials=8)
    space = study.space
    layout = packing.lay_out(space, CONFIG, np.random.default_rng(index))
    assert len(set(layout.slots.tolist())) == len(layout.slots)
    network = layout.to_network(study.tokens)
    assert network.max(initial=-1) < CONFIG.num_bins
    for place, column in enumerate(layout.columns):
        active = network[:, place] >= 0
        assert layout.legal[place, network[active, place]].all()
        parents = {condition.name for condition in space.parameters[column].conditions}
        before = {space.parameters[other].name for other in layout.columns[:place]}
        seen = {space.parameters[other].name for other in layout.columns}
        assert parents & seen <= before
    counts = np.asarray([space.parameters[column].num_values or 0 for column in layout.columns])
    np.testing.assert_array_equal(layout.from_network(network, counts), study.tokens[:, layout.columns])


def test_more_categories_than_the_network_tells_apart_share_tokens_and_stay_legal():
    space = SearchSpace((Parameter("c", "choice", values=tuple(f"v{i}" for i in range(50))),))
    layout = packing.lay_out(space, CONFIG, np.random.default_rng(0))
    assert layout.kinds[0] == CATEGORICAL
    network = layout.to_network(np.arange(50)[:, None])
    assert network.max() < CONFIG.num_categories
    back = layout.from_network(network, np.asarray([50]))
    assert ((back >= 0) & (back < 50)).all()


def test_parameters_with_one_value_and_those_beyond_the_slots_are_not_seen():
    parameters = [Parameter("f", "fixed", values=(1,))] + [Parameter(f"x{i}", "float", 0.0, 1.0) for i in range(30)]
    seen = packing.seen_parameters(SearchSpace(tuple(parameters)), 24)
    np.testing.assert_array_equal(seen, np.arange(1, 25))


@pytest.mark.parametrize("num_trials", [5, 10, 25])
def test_the_best_and_the_newest_trials_are_kept_in_order(num_trials, rng):
    space = SearchSpace((Parameter("x", "float", 0.0, 1.0),))
    scores = rng.permutation(num_trials).astype(float)
    tokens, done = space.random_tokens(rng, num_trials), np.zeros(num_trials, int)
    rows = packing.keep_trials(Study(space, Metadata(), "max", tokens, scores, done), 10)
    assert (np.diff(rows) > 0).all() and len(rows) == min(num_trials, 10)
    if num_trials > 10:
        assert set(np.argsort(-scores)[:5]) <= set(rows.tolist())
        assert num_trials - 1 in rows


def test_stacked_examples_are_padded_with_what_means_nothing(vocabulary, config, study):
    layout = packing.lay_out(study.space, config, np.random.default_rng(0))
    long, _ = packing.pack(vocabulary, study, layout, config)
    short, _ = packing.pack(vocabulary, study.take(np.arange(3)), layout, config)
    batch = packing.stack([short, long], metadata_multiple=8)
    assert batch["metadata_ids"].shape[1] % 8 == 0
    np.testing.assert_array_equal(batch["objectives"][0, 3:], -1)
    np.testing.assert_array_equal(batch["tokens"][0, :3], short["tokens"])
    np.testing.assert_array_equal(batch["tokens"][1], long["tokens"])
