"""Pure functions of tensors and arrays, each with its source: no Keras objects, no state."""
