"""The weights θ of a rule with its configuration: saved to a directory, loaded from one or by the name they ship under.

Axes: P weights of the rule.
"""

import numpy as np

from keras_hparam import checkpoints, errors
from keras_hparam.learned_optimizers.config import OptimizerConfig
from keras_hparam.learned_optimizers.elementwise_rule import ElementwiseRule

NAME = "theta"


def save(directory, rule, theta, **facts):
    """Writes a directory that `load` reads.

    Args:
        directory: path; replaced if it holds an earlier save.
        rule: with `kind`, `num_parameters` and `to_dict`, such as an `ElementwiseRule`.
        theta: finite float array [P].
        **facts: what the manifest says about the meta-training: flag_file, seed, figures, …; plain JSON values.

    Raises:
        InvalidArgumentError: if θ is not finite numbers [P].

    Example:

    ```python
    rule = ElementwiseRule(OptimizerConfig(widths=(4,)))
    save("weights/untrained", rule, rule.initial(0), seed=0)
    rule, theta = load("weights/untrained", ElementwiseRule)
    ```
    """
    theta = checked("theta", theta, rule)
    checkpoints.save_weights(directory, {NAME: theta}, rule.to_dict(), kind=rule.kind, **facts)


def load(source, rule_class):
    """(rule, θ [P] float32) of a shipped name or a directory.

    Args:
        source: a name of `keras_hparam.checkpoints.shipped()`, or a directory that `save` wrote.
        rule_class: class of the rule, such as `ElementwiseRule`.

    Raises:
        InvalidArgumentError: for an unknown name.
        CorruptFileError: for truncated, altered or foreign files, those of another kind of rule among them.
    """
    loaded = checkpoints.load_weights(source, kind=rule_class.kind)
    try:
        rule = rule_class.from_dict(loaded.config)
        return rule, checked("theta", loaded.weights.get(NAME, ()), rule)
    except errors.InvalidArgumentError as error:
        raise errors.CorruptFileError(f"Expected the rule and its weights in {source!r}. Received: {error}") from error


def resolve(weights, config, theta):
    """(`ElementwiseRule`, θ [P]) of a name or a directory; or of a configuration and θ, or an untrained θ.

    Args:
        weights: as `source` of `load`; None: untrained. It is not read if θ is given.
        config: `OptimizerConfig`, a dict of its values, or None.
        theta: [P] or None.

    Raises:
        InvalidArgumentError: for unknown weights, a configuration beside weights that have their own, or a wrong θ.
        CorruptFileError: as `load`.
    """
    if theta is None and weights is not None:
        if config is not None:
            raise errors.InvalidArgumentError(
                f"Expected `weights` None with `config`: weights have their own. Received: {weights!r}."
            )
        return load(weights, ElementwiseRule)
    rule = ElementwiseRule(OptimizerConfig.from_dict(config) if isinstance(config, dict) else config)
    return rule, rule.initial(0) if theta is None else checked("theta", theta, rule)


def checked(argument, theta, rule):
    """θ as a float32 array [P], or an `InvalidArgumentError` about `argument`."""
    try:
        array = np.asarray(theta, "float32")
    except (TypeError, ValueError):
        array = np.zeros(())
    if array.shape != (rule.num_parameters,) or not np.all(np.isfinite(array)):
        raise errors.InvalidArgumentError(
            f"Expected `{argument}` to be {rule.num_parameters} finite numbers. Received: {theta!r}."
        )
    return array
