"""Transformers of all candidates at once, against loops over networks, examples, heads and tokens in NumPy."""

import functools
import math

import numpy as np
import pytest
from keras import ops

from keras_hparam import errors
from keras_hparam.ops.differentiation import value_and_gradient
from keras_hparam.tasks import data, transformers

SMALL = {"batch_size": 8, "examples": 40, "validation_examples": 12}
SIZES = {"tokens": 5, "token_size": 3, "width": 8, "heads": 2, "outputs": 4}


def make_family(**arguments):
    sources = [data.table("wine"), functools.partial(data.random_teacher, features=6, classes=4)]
    return transformers.TransformerNetworks(sources, **{**SIZES, **SMALL, **arguments})


def candidates(instances, rng, number=2):
    """Parameters [M, B, …] around the initial ones, gains and biases too."""
    return [
        (p[None] + rng.normal(0, 0.5, (number, *p.shape))).astype("float32") for p in instances["parameters"]
    ]


def normal(token, gain):
    return (token - token.mean()) / math.sqrt(token.var() + 1e-5) * gain


def attention(tokens, kernel, bias, heads):
    """What each token gets from all tokens; the columns of the kernel are queries, keys, values of the heads."""
    width = tokens[0].size
    size = width // heads
    products = [token @ kernel + bias for token in tokens]
    result = np.zeros((len(tokens), width))
    for head in range(heads):
        columns = slice(head * size, (head + 1) * size)
        queries, keys, values = (
            [product[part * width : (part + 1) * width][columns] for product in products] for part in range(3)
        )
        for index, query in enumerate(queries):
            shares = [math.exp(sum(query * key) / math.sqrt(size)) for key in keys]
            for share, value in zip(shares, values, strict=True):
                result[index, columns] += share / sum(shares) * value
    return result


def network(parameters, example, tokens, heads, blocks):
    """Outputs [O] for one example [S·D] of the network with these parameters."""
    given = iter(np.asarray(p, "float64") for p in parameters)
    kernel, bias, positions = next(given), next(given), next(given)
    hidden = [part @ kernel + bias + place for part, place in zip(np.split(example, tokens), positions, strict=True)]
    for _ in range(blocks):
        gain, queries, queries_bias, mix, mix_bias = (next(given) for _ in range(5))
        mixed = attention([normal(token, gain) for token in hidden], queries, queries_bias, heads)
        hidden = [token + row @ mix + mix_bias for token, row in zip(hidden, mixed, strict=True)]
        gain, first, first_bias, second, second_bias = (next(given) for _ in range(5))
        inner = [np.maximum(normal(token, gain) @ first + first_bias, 0) for token in hidden]
        hidden = [token + row @ second + second_bias for token, row in zip(hidden, inner, strict=True)]
    last, shift = next(given), next(given)
    assert next(given, None) is None
    return sum(hidden) / tokens @ last + shift


@pytest.mark.parametrize("heads, blocks", [(2, 1), (4, 2), (1, 1)])
def test_outputs_are_those_of_numpy(heads, blocks, rng):
    family = make_family(heads=heads, blocks=blocks)
    instances = family.sample(rng, 3)
    parameters, x = candidates(instances, rng), instances["x"][:, :4]
    found = ops.convert_to_numpy(family.outputs(parameters, ops.convert_to_tensor(x)))
    assert found.shape == (2, 3, 4, 4)
    for m, b, n in np.ndindex(2, 3, 4):
        expected = network([p[m, b] for p in parameters], x[b, n].astype("float64"), 5, heads, blocks)
        np.testing.assert_allclose(found[m, b, n], expected, rtol=1e-3, atol=1e-4)


def test_losses_are_those_of_the_outputs(rng):
    family = make_family()
    instances = family.sample(rng, 3)
    parameters = candidates(instances, rng)
    found = ops.convert_to_numpy(family.final_loss(parameters, instances))
    assert found.shape == (2, 3)
    for m, b in np.ndindex(2, 3):
        logits = [network([p[m, b] for p in parameters], x, 5, 2, 1) for x in instances["x_validation"][b]]
        lost = [
            math.log(np.exp(one).sum()) - one @ y for one, y in zip(logits, instances["y_validation"][b], strict=True)
        ]
        assert found[m, b] == pytest.approx(np.mean(lost), rel=1e-3)
    assert ops.shape(family.loss(parameters, instances, np.int32(3))) == (2, 3)


@pytest.mark.parametrize("loss, source", [("crossentropy", "wine"), ("squared_error", "diabetes")])
def test_networks_learn(loss, source, rng):
    arguments = {"loss": loss, "final": "training", "label_noise": 0.0, "batch_size": 40, "examples": 40}
    sizes = {"tokens": 4, "token_size": 3, "outputs": 3, "validation_examples": 40}
    family = transformers.TransformerNetworks([data.table(source)], **sizes, **arguments)
    instances = family.sample(rng, 3)
    parameters = [ops.convert_to_tensor(np.repeat(p[None], 2, axis=0)) for p in instances["parameters"]]
    evaluate = value_and_gradient(lambda found: family.final_loss(found, instances))
    losses = []
    for _ in range(12):
        loss, gradients = evaluate(parameters)
        losses.append(ops.convert_to_numpy(loss))
        parameters = [p - 0.1 * gradient for p, gradient in zip(parameters, gradients, strict=True)]
    assert np.isfinite(losses).all() and (losses[-1] < 0.9 * losses[0]).all()
    assert all(np.any(ops.convert_to_numpy(gradient)) for gradient in gradients)


def test_initial_parameters_differ_by_the_scale_of_their_kernels(rng):
    family = make_family(width=64, token_size=16, scale=3.0)
    parameters = family.sample(rng, 40)["parameters"]
    assert [p.shape[1:] for p in parameters] == [
        (16, 64), (64,), (5, 64), (64,), (64, 192), (192,), (64, 64), (64,), (64,), (64, 128), (128,), (128, 64), (64,),
        (64, 4), (4,),
    ]  # fmt: skip
    assert all(p.dtype == np.float32 and p.shape[0] == 40 for p in parameters)
    for index in (0, 4, 6, 9, 11):
        kernel = parameters[index]
        factors = kernel.std(axis=(1, 2)) * math.sqrt(kernel.shape[1])
        assert 0.3 < factors.min() < 0.5 and 2 < factors.max() < 3.2
    for index in (3, 8):
        np.testing.assert_array_equal(parameters[index], 1)
    assert family.layer == -2


def test_names_tell_families_apart():
    differing = [{}, {"tokens": 4}, {"token_size": 2}, {"width": 4}, {"heads": 4}, {"blocks": 2}, {"outputs": 3},
                 {"final": "training"}, {"name": "mine"}]  # fmt: skip
    names = [make_family(**arguments).name for arguments in differing]
    assert len(set(names)) == len(names) and names[-1] == "mine"


@pytest.mark.parametrize(
    "arguments, message",
    [({"tokens": 0}, "`tokens` to be an int >= 1. Received: 0"), ({"token_size": 1.5}, "`token_size`.*1.5"),
     ({"width": -8}, "`width`.*-8"), ({"heads": 3}, "`heads` to be a divisor of `width`, 8. Received: 3"),
     ({"heads": 0}, "`heads`.*0"), ({"blocks": 0}, "`blocks`"), ({"scale": 0.5}, "`scale`.*0.5"),
     ({"scale": math.inf}, "`scale`.*inf"), ({"outputs": 0}, "`outputs_number`"), ({"loss": "hinge"}, "'hinge'"),
     ({"loss": "squared_error"}, "`sources`.*squared_error")],
)  # fmt: skip
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        make_family(**arguments)
