"""The last good state of a training: copies of the model's and the optimizer's variables."""

import keras


class LastGood:
    """Keeps a copy of a model and its optimizer on the same devices, and takes it back.

    The number of steps made is not among what is taken back: schedules go on.

    Args:
        model: compiled Keras model whose optimizer is built.
    """

    def __init__(self, model):
        import tensorflow as tf

        steps = {id(optimizer._iterations) for optimizer in _optimizers(model)}
        unique = {id(variable): variable for variable in [*model.variables, *model.optimizer.variables]}
        self.variables = [variable for key, variable in unique.items() if key not in steps]
        self.copies = [
            keras.Variable(variable, trainable=False, dtype=variable.dtype, name="last_good")
            for variable in self.variables
        ]
        self.keep = tf.function(lambda: _copy(self.variables, self.copies), autograph=False)
        self.take_back = tf.function(lambda: _copy(self.copies, self.variables), autograph=False)


def _optimizers(model):
    inner = getattr(model.optimizer, "inner_optimizer", None)
    return [model.optimizer] if inner is None else [model.optimizer, inner]


def _copy(sources, targets):
    for source, target in zip(sources, targets, strict=True):
        target.assign(source.value)
