"""Gradients that wait for each other before a variable moves."""


def gate_gradients(gradients, *computed):
    """The gradients, each ready only when all of them are, and `computed` too: no variable moves while it is read.

    TensorFlow 2.21's graph rewriter may drop the edges that keep a variable's reads before its update (its dependency
    optimizer finds them to be implied by the sum over replicas, and then takes that out). A gradient that is computed
    from another variable's old value, as that of a product of two, then sees the new one now and then. Where every
    variable's own gradient needs all of its reads, nothing can go wrong, and nothing is gained here.

    Args:
        gradients: list of tensors, `tf.IndexedSlices` and None.
        *computed: tensors that must see the variables as they were, the loss for instance; structures of them.

    Returns:
        The list, with the same values.

    Example:
        >>> x, y = tf.Variable(2.0), tf.Variable(3.0)
        >>> with tf.GradientTape() as tape:
        ...     loss = x * y
        >>> optimizer.apply(gate_gradients(tape.gradient(loss, [x, y]), loss), [x, y])
    """
    import tensorflow as tf

    waiting = tf.nest.flatten([gradients, computed], expand_composites=True)
    with tf.control_dependencies([tensor for tensor in waiting if tensor is not None]):
        return [None if gradient is None else tf.identity(gradient) for gradient in gradients]
