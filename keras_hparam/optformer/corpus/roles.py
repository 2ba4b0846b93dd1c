"""Hyperparameters by their role: the names that users give them and the ranges that fit.

A role is what a parameter means ("learning_rate"), whatever it is called in a study ("lr", "opt_kw.base_lr").
`role_of` reads the role back from a name, which is how a synthetic response knows what a parameter does.
"""

import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class Role:
    """What a parameter means.

    Args:
        aliases: names in use, lower case, the most usual first.
        ranges: tuples, each ("float" or "int", low, high, scale, step), ("choice", values, ordered) or ("boolean",).
    """

    aliases: tuple
    ranges: tuple


def _role(aliases, *ranges):
    return Role(tuple(aliases.split()), ranges)


def _float(low, high, scale="linear", step=None):
    return ("float", low, high, scale, step)


def _int(low, high, scale="linear", step=None):
    return ("int", low, high, scale, step)


def _ordered(*values):
    return ("choice", values, True)


def _names(text):
    return ("choice", tuple(text.split()), False)


_BOOLEAN = ("boolean",)
_RATES = (_float(1e-5, 1e-1, "log"), _float(1e-4, 1e-1, "log"), _float(1e-4, 1e-2, "log"), _float(1e-6, 1.0, "log"))
_PENALTIES = (_float(1e-6, 1e-2, "log"), _float(1e-5, 1e-1, "log"), _float(1e-8, 1e-3, "log"), _float(0.0, 0.1))
_SHARES = (_float(0.5, 1.0), _float(0.1, 1.0), _float(0.3, 1.0), _float(0.5, 1.0, "linear", 0.1))
_WIDTHS = (_int(32, 512, "linear", 32), _int(16, 1024, "log"), _int(64, 1024, "log", 2), _int(8, 256))
_BATCHES = (_int(16, 512, "log"), _int(8, 256, "log", 2), _ordered(16, 32, 64, 128), _int(16, 256, "linear", 16))
_TREES = (_int(10, 500), _int(50, 1000, "log"), _int(100, 1000, "linear", 100))

ROLES = {
    "learning_rate": _role(
        "learning_rate lr base_lr learningrate initial_learning_rate step_size lr_max",
        *_RATES,
        _ordered(1e-2, 1e-3, 1e-4),
        _ordered(1e-4, 3e-4, 1e-3, 3e-3, 1e-2),
        _float(1e-4, 0.1),
    ),
    "weight_decay": _role(
        "weight_decay wd l2 l2_penalty kernel_regularizer decay", *_PENALTIES, _ordered(0.0, 1e-5, 1e-4, 1e-3)
    ),
    "dropout": _role(
        "dropout dropout_rate drop max_dropout drop_rate",
        _float(0.0, 0.5),
        _float(0.0, 0.9),
        _float(0.0, 1.0),
        _float(0.0, 0.6, "linear", 0.1),
        _ordered(0.0, 0.1, 0.25, 0.5),
    ),
    "width": _role(
        "units filters hidden_units num_units max_units width hidden_size d_model n_neurons",
        *_WIDTHS,
        _ordered(32, 64, 128, 256),
    ),
    "depth": _role(
        "num_layers n_layers depth layers num_blocks hidden_layers", _int(1, 3), _int(1, 5), _int(1, 8), _int(2, 20)
    ),
    "batch_size": _role("batch_size batch bs train_batch_size minibatch_size", *_BATCHES),
    "momentum": _role(
        "momentum mom sgd_momentum", _float(0.1, 0.99), _float(0.5, 0.999, "reverse_log"), _float(0.0, 1.0)
    ),
    "beta": _role("beta_1 beta1 beta_2 beta2 adam_beta", _float(0.8, 0.999, "reverse_log"), _float(0.85, 0.99)),
    "epsilon": _role("epsilon eps adam_epsilon", _float(1e-10, 1e-3, "log"), _float(1e-8, 1e-1, "log")),
    "epochs": _role(
        "epochs num_epochs max_epochs n_epochs iterations",
        _int(5, 50),
        _int(10, 200, "log"),
        _int(10, 100, "linear", 10),
    ),
    "optimizer": _role(
        "optimizer opt optim solver", _names("adam sgd"), _names("adam sgd rmsprop"), _names("adam adamw sgd nadam")
    ),
    "activation": _role(
        "activation act activation_fn nonlinearity",
        _names("relu tanh"),
        _names("relu gelu swish elu"),
        _names("relu tanh sigmoid elu selu leaky_relu"),
    ),
    "normalization": _role("batch_norm use_bn batch_normalization layer_norm normalize", _BOOLEAN),
    "augmentation": _role("augment data_augmentation use_augmentation flip mixup", _BOOLEAN),
    "kernel_size": _role("kernel_size filter_size conv_kernel", _ordered(3, 5), _ordered(3, 5, 7), _int(2, 7)),
    "label_smoothing": _role("label_smoothing smoothing", _float(0.0, 0.3), _float(0.0, 0.2)),
    "warmup": _role("warmup warmup_fraction warmup_ratio", _float(0.0, 0.3), _float(0.0, 0.5)),
    "clip": _role("clipnorm grad_clip max_grad_norm clip_value", _float(0.1, 10.0, "log"), _ordered(0.5, 1.0, 5.0)),
    "schedule": _role("lr_schedule schedule decay_type", _names("constant cosine linear step")),
    "pooling": _role("pooling pool", _names("max avg")),
    "svm_c": _role(
        "c cost svm_c regularization", _float(1e-3, 1e3, "log"), _float(1e-2, 1e2, "log"), _float(1e-5, 1e5, "log")
    ),
    "svm_gamma": _role(
        "gamma kernel_width sigma", _float(1e-4, 1e1, "log"), _float(1e-5, 1e5, "log"), _float(1e-3, 1.0, "log")
    ),
    "svm_kernel": _role("kernel kernel_type", _names("linear rbf poly"), _names("rbf linear poly sigmoid")),
    "degree": _role("degree poly_degree", _int(2, 5), _int(1, 4)),
    "tree_depth": _role("max_depth maxdepth tree_depth", _int(1, 15), _int(2, 30), _int(3, 10)),
    "num_trees": _role("n_estimators num_trees nrounds ntree num_boost_round", *_TREES),
    "leaf_size": _role(
        "min_samples_leaf minbucket min_child_weight min_node_size min_samples_split minsplit",
        _int(1, 20),
        _int(1, 100, "log"),
        _int(2, 60),
    ),
    "boosting_rate": _role(
        "eta shrinkage boosting_rate", _float(1e-3, 1.0, "log"), _float(0.01, 0.3, "log"), _float(0.01, 0.5)
    ),
    "row_share": _role("subsample sample_fraction bagging_fraction", *_SHARES),
    "column_share": _role("colsample_bytree max_features feature_fraction mtry_ratio colsample_bylevel", *_SHARES),
    "l1": _role("reg_alpha l1 l1_ratio lasso", _float(1e-3, 1e1, "log"), _float(1e-8, 1.0, "log"), _float(0.0, 1.0)),
    "ridge": _role("reg_lambda lambda lambda_l2 ridge", _float(1e-3, 1e2, "log"), _float(1e-8, 10.0, "log")),
    "complexity": _role("cp ccp_alpha min_split_gain", _float(1e-4, 1e-1, "log"), _float(1e-5, 1.0, "log")),
    "criterion": _role("criterion booster splitter", _names("gini entropy"), _names("gbtree dart gblinear")),
    "neighbors": _role("n_neighbors k neighbors", _int(1, 50), _int(1, 100, "log")),
    "seed": _role("seed random_state dummy verbose num_workers", _int(0, 10), _int(0, 100)),
}

PREFIXES = ("opt_kw.", "model.", "optimizer.", "hparams/", "hp_", "train.", "clf__", "params.")

_ROLE_BY_ALIAS = {alias: role for role, spec in ROLES.items() for alias in spec.aliases}


def role_of(name):
    """The role (key of `ROLES`) that a parameter's name stands for, or None where the name means nothing known.

    Example:
        >>> role_of("opt_kw.lr"), role_of("units_2"), role_of("x0")
        ('learning_rate', 'width', None)
    """
    last = re.split(r"[./]|__", name.lower())[-1].removeprefix("hp_")
    if last in _ROLE_BY_ALIAS:
        return _ROLE_BY_ALIAS[last]
    return _ROLE_BY_ALIAS.get(re.sub(r"_?\d+$", "", last))
