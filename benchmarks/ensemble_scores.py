"""Scores of predictions on test data, in NumPy alone, and milliseconds of inference.

Axes: n examples, C classes. Predictions are logits [n, C] with one-hot labels [n, C], or the mean and the log-variance
[n, 2] of Gaussians with standardised targets [n, 1].
"""

import time

import numpy as np

NUM_BINS = 15
NUM_TIMED = 1000


def score(data, predictions):
    """Scores on the test part.

    Args:
        data: `Data`.
        predictions: logits [n, C], or Gaussians [n, 2].

    Returns:
        Dict with `nll` and, for classes, `accuracy` and `ece`; for numbers `rmse`, both in original units.
    """
    targets, predictions = (np.asarray(array, "float64") for array in (data.test[1], predictions))
    if targets.shape[-1] == 1:
        return gaussian_scores(targets[:, 0], predictions, data.target_scale)
    return class_scores(targets, predictions)


def gaussian_scores(targets, predictions, scale):
    """Negative log-likelihood and root mean squared error of targets [n] after both are multiplied by `scale`."""
    mean, log_variance = predictions.T
    squared = np.square(targets - mean)
    nll = 0.5 * (np.log(2 * np.pi) + log_variance + squared * np.exp(-log_variance)) + np.log(scale)
    return {"nll": float(nll.mean()), "rmse": float(scale * np.sqrt(squared.mean()))}


def class_scores(labels, logits):
    """Negative log-likelihood, accuracy and expected calibration error.

    Guo et al. 2017, "On Calibration of Modern Neural Networks": bins of equal width, weighted by what they hold.
    """
    log_probabilities = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    confidence = np.exp(log_probabilities.max(axis=-1))
    correct = log_probabilities.argmax(axis=-1) == labels.argmax(axis=-1)
    bins = np.minimum((confidence * NUM_BINS).astype(int), NUM_BINS - 1)
    gaps = np.bincount(bins, correct - confidence, NUM_BINS)  # of each bin: its size times accuracy minus confidence
    nll = -np.sum(labels * log_probabilities, axis=-1).mean()
    return {"nll": float(nll), "accuracy": float(correct.mean()), "ece": float(np.abs(gaps).sum() / len(labels))}


def inference_milliseconds(models, inputs, training=False, repeats=7):
    """Median milliseconds in which all models, compiled into one function, see 1,000 examples.

    Args:
        models: list of Keras models; one that is there twice is run twice.
        inputs: [n, ...]; repeated or cut to 1,000.
        training: passed on to the models.
        repeats: how often it is measured.
    """
    call, seconds = compiled(models, inputs, training), []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return 1000 * float(np.median(seconds[1:]))  # the first one compiles


def compiled(models, inputs, training=False):
    """A callable without arguments that runs all models on 1,000 examples and waits for their outputs."""
    import tensorflow as tf

    batch = tf.constant(np.resize(inputs, (NUM_TIMED, *inputs.shape[1:])))
    together = tf.function(lambda x: [model(x, training=training) for model in models], autograph=False)
    return lambda: [output.numpy() for output in together(batch)]
