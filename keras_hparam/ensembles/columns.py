"""The hyperparameters of an ensemble as columns: one number per member and example each."""

import dataclasses

from keras_hparam import errors
from keras_hparam.ensembles.hyperparameters import L2, DropoutRate, Hyperparameter, LabelSmoothing, LossWeight


@dataclasses.dataclass(frozen=True)
class Column:
    """One number per member and example.

    Attributes:
        name: str, e.g. "l2/dense".
        hyperparameter: the `Hyperparameter` that it comes from.
        targets: names of the layers, or of the outputs, that it acts on.
    """

    name: str
    hyperparameter: Hyperparameter
    targets: tuple


def columns(hyperparameters, kernels, dropouts, outputs):
    """The P columns that the hyperparameters become in a model.

    Args:
        hyperparameters: list of `Hyperparameter`.
        kernels: names of the layers whose kernels are converted.
        dropouts: names of the `Dropout` layers.
        outputs: names of the model's outputs.

    Raises:
        InvalidArgumentError: for anything else than hyperparameters, a name that the model lacks, or two
            hyperparameters of one kind for the same layer or output.
    """
    found = []
    for hyperparameter in hyperparameters:
        match hyperparameter:
            case L2():
                found += _of_layers("l2", hyperparameter, kernels)
            case DropoutRate():
                found += _of_layers("dropout", hyperparameter, dropouts)
            case LabelSmoothing(output=output):
                targets = outputs if output is None else _known("output", [output], outputs)
                name = f"label_smoothing/{output}" if output else "label_smoothing"
                found.append(Column(name, hyperparameter, targets))
            case LossWeight(output=output):
                found.append(Column(f"loss_weight/{output}", hyperparameter, _known("output", [output], outputs)))
            case _:
                raise errors.InvalidArgumentError(
                    "Expected `hyperparameters` to be a list of L2, DropoutRate, LabelSmoothing and LossWeight. "
                    f"Received: {hyperparameter!r}."
                )
    _require_disjoint(found)
    return found


def index_of(columns, kind, target):
    """The index of the column of a kind of hyperparameter that acts on a layer or output; None if there is none."""
    for index, column in enumerate(columns):
        if isinstance(column.hyperparameter, kind) and target in column.targets:
            return index
    return None


def _of_layers(label, hyperparameter, available):
    chosen = available if hyperparameter.layers is None else _known("layers", hyperparameter.layers, available)
    if not chosen:
        raise errors.InvalidArgumentError(
            f"Expected a model with layers that {type(hyperparameter).__name__} can act on. Received: none."
        )
    if hyperparameter.per_layer:
        return [Column(f"{label}/{name}", hyperparameter, (name,)) for name in chosen]
    suffix = "" if hyperparameter.layers is None else "/" + "+".join(chosen)
    return [Column(label + suffix, hyperparameter, tuple(chosen))]


def _known(argument, names, available):
    unknown = [name for name in names if name not in available]
    if unknown:
        raise errors.InvalidArgumentError(
            f"Expected `{argument}` of a hyperparameter to be some of {list(available)}. Received: {unknown}."
        )
    return tuple(names)


def _require_disjoint(found):
    taken = set()
    for column in found:
        for target in column.targets:
            if (type(column.hyperparameter), target) in taken:
                raise errors.InvalidArgumentError(
                    f"Expected one {type(column.hyperparameter).__name__} for each layer or output. "
                    f"Received: two for {target!r}."
                )
            taken.add((type(column.hyperparameter), target))
