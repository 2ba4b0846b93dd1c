"""Training steps under Keras' backends.

An engine makes model and optimizer where they belong, and iterates, steps and evaluates over batches:

    model, optimizer        Keras objects whose variables always hold the latest values
    is_chief                whether this process writes checkpoints and logs
    batches(...)            an iterator over what `step` and `evaluate` take
    step(batch)             one step of descent; the batch's mean losses by name, as scalars that may still be computed
    evaluate(batch)         (Σ w x, Σ w) of the whole batch by name, see `evaluation.held_out_sums`
"""

import keras

from keras_hparam import errors


def create(make, loss_weights, pad, strategy=None):
    """The engine of the backend that Keras runs on.

    Args:
        make: callable (number of replicas) -> (model, built optimizer).
        loss_weights: dict of the factors of `losses.study_losses` in the loss.
        pad: callable from a batch to the same batch in one of few shapes, for compilers that need fixed ones.
        strategy: `tf.distribute.Strategy`, under TensorFlow only; None for one device.

    Raises:
        InvalidArgumentError: for a strategy under another backend.
        UnavailableError: for a backend that is neither TensorFlow nor JAX.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        from keras_hparam.optformer.engines.tensorflow_engine import TensorFlowEngine

        return TensorFlowEngine(make, loss_weights, pad, strategy)
    if backend != "jax":
        raise errors.UnavailableError(
            f"Expected KERAS_BACKEND to be 'tensorflow' or 'jax' for training. Received: {backend!r}."
        )
    if strategy is not None:
        raise errors.InvalidArgumentError(
            f"Expected no `strategy` under KERAS_BACKEND 'jax': tf.distribute is TensorFlow's. Received: {strategy!r}."
        )
    from keras_hparam.optformer.engines.jax_engine import JaxEngine

    return JaxEngine(make, loss_weights, pad)


__all__ = ["create"]
