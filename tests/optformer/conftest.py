"""A small vocabulary, space, study and model for the tests of this room."""

import numpy as np
import pytest

from keras_hparam.optformer.study import Metadata, Study
from keras_hparam.spaces import Condition, Parameter, SearchSpace

WORDS = ["learning rate", "optimizer momentum", "units", "batch size", "image classification", "convnet", "digits",
         "val_accuracy", "sgd adam rmsprop", "dropout", "weight decay"]  # fmt: skip


@pytest.fixture(scope="session")
def vocabulary():
    from keras_hparam.optformer.vocabulary import Vocabulary, train_tokenizer

    return Vocabulary(train_tokenizer(WORDS * 30, 320))


@pytest.fixture(scope="session")
def space():
    sgd = (Condition("optimizer", ("sgd",)),)
    return SearchSpace((
        Parameter("learning_rate", "float", 1e-5, 1e-1, scale="log"),
        Parameter("optimizer", "choice", values=("sgd", "adam", "rmsprop")),
        Parameter("momentum", "float", 0.0, 0.99, conditions=sgd),
        Parameter("nesterov", "boolean", conditions=sgd),
        Parameter("units", "int", 8, 512, step=8),
        Parameter("batch_size", "choice", values=(16, 32, 64), ordered=True),
        Parameter("epochs", "fixed", values=(3,)),
    ))  # fmt: skip


@pytest.fixture(scope="session")
def study(space):
    rng = np.random.default_rng(0)
    tokens = space.random_tokens(rng, 12)
    statuses = np.zeros(12, int)
    statuses[[3, 7]], statuses[11] = 1, 2
    objectives = np.where(statuses == 0, rng.random(12), np.nan)
    return Study(space, Metadata("image classification", "convnet", "digits", "val_accuracy"), "max",
                 tokens, objectives, statuses)  # fmt: skip


@pytest.fixture(scope="session")
def config(vocabulary):
    from keras_hparam.optformer.config import OptFormerConfig

    return OptFormerConfig(
        first_bin=vocabulary.first_bin, width=32, num_layers=2, num_heads=2, value_width=16, max_trials=32, num_slots=8
    )


@pytest.fixture(scope="session")
def model(config):
    import keras

    from keras_hparam.optformer.model import OptFormer

    keras.utils.set_random_seed(0)
    return OptFormer(config)
