"""The two streams of the Transformer against plain causal attention and brute force."""

import numpy as np
import pytest

from keras_hparam.networks.transformer import Transformer, attention, causal_mask

RNG = np.random.default_rng(0)


def softmax(x):
    weights = np.exp(x - x.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def test_attention_matches_a_loop_over_heads_and_positions():
    q, k, v = (RNG.standard_normal((2, n, 3, 4)).astype("float32") for n in (5, 6, 6))
    mask = RNG.random((2, 5, 6)) < 0.7
    mask[..., 0] = True
    result = np.asarray(attention(q, k, v, mask))
    for b in range(2):
        for h in range(3):
            for i in range(5):
                seen = mask[b, i]
                weights = softmax(k[b, seen, h] @ q[b, i, h] / 2.0)
                np.testing.assert_allclose(result[b, i, h], weights @ v[b, seen, h], atol=1e-5)


def test_own_key_and_value_are_one_more_position():
    q, k, v = (RNG.standard_normal((1, n, 2, 4)).astype("float32") for n in (3, 5, 5))
    own_k, own_v = (RNG.standard_normal((1, 3, 2, 4)).astype("float32") for _ in range(2))
    result = np.asarray(attention(q, k, v, np.ones((1, 3, 5), bool), own_k, own_v))
    for i in range(3):
        keys = np.concatenate([k, own_k[:, i : i + 1]], axis=1)
        values = np.concatenate([v, own_v[:, i : i + 1]], axis=1)
        single = np.asarray(attention(q[:, i : i + 1], keys, values, np.ones((1, 1, 6), bool)))
        np.testing.assert_allclose(result[:, i : i + 1], single, atol=1e-5)


def test_causal_mask_lets_the_prefix_see_itself_and_the_rest_the_past():
    mask = np.asarray(causal_mask(np.array([[True, True, False, True, True]]), 2))[0]
    expected = np.array(
        [[1, 1, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 0, 1, 0], [1, 1, 0, 1, 1]], dtype=bool
    )
    np.testing.assert_array_equal(mask, expected)


@pytest.mark.parametrize("cross", [False, True])
def test_content_at_a_position_ignores_the_future(cross):
    network = Transformer(num_layers=2, num_heads=2, cross_attention=cross)
    x = RNG.standard_normal((1, 6, 8)).astype("float32")
    extra = {}
    if cross:
        extra = {"encoded": RNG.standard_normal((1, 3, 8)).astype("float32"), "encoded_mask": np.ones((1, 3), bool)}
    valid = np.ones((1, 6), bool)
    before, _ = network(x, causal_mask(valid, 0), **extra)
    changed = x.copy()
    changed[:, 4:] += 1.0
    after, _ = network(changed, causal_mask(valid, 0), **extra)
    np.testing.assert_allclose(np.asarray(before)[:, :4], np.asarray(after)[:, :4], atol=1e-5)
    assert np.abs(np.asarray(before)[:, 4:] - np.asarray(after)[:, 4:]).max() > 1e-3


def test_a_query_equals_the_content_position_it_could_have_been():
    network = Transformer(num_layers=3, num_heads=2)
    x = RNG.standard_normal((2, 5, 8)).astype("float32")
    queries = RNG.standard_normal((2, 4, 8)).astype("float32")
    valid = np.ones((2, 5), bool)
    _, cache = network(x, causal_mask(valid, 0))
    read, _ = network(queries, valid[:, None, :], cache=cache)
    for i in range(4):
        longer = np.concatenate([x, queries[:, i : i + 1]], axis=1)
        alone, _ = network(longer, causal_mask(np.ones((2, 6), bool), 0))
        np.testing.assert_allclose(np.asarray(read)[:, i], np.asarray(alone)[:, -1], atol=2e-5)
