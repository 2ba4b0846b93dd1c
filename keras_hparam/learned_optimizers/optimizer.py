"""A learned optimizer as a Keras optimizer.

Each variable is updated by itself, by an `ElementwiseRule` whose weights θ [P] are a variable of the optimizer.
"""

import keras
from keras import ops

from keras_hparam import errors
from keras_hparam.learned_optimizers import fallback as fallbacks
from keras_hparam.learned_optimizers import features
from keras_hparam.learned_optimizers import weights as rule_weights
from keras_hparam.learned_optimizers.guarded_optimizer import GuardedOptimizer, is_finite
from keras_hparam.learned_optimizers.updater import Updater


@keras.saving.register_keras_serializable(package="keras_hparam")
class LearnedOptimizer(GuardedOptimizer):
    """An optimizer that is a network itself: it needs no tuned learning rate.

    A step whose gradients are not all finite changes nothing and is counted. Sparse gradients are made dense. Variables
    of two axes or more are seen as matrices [fan-in, outputs], kernels of convolutions too.

    Args:
        weights: a name of `keras_hparam.checkpoints.shipped()`, a directory of `learned_optimizers.weights.save`, or
            None: a rule that is not trained, which is Adam with the rate α/2 of its configuration.
        learning_rate: float or `LearningRateSchedule`, a factor of every update; 1 is what rules are trained with.
        steps: int ≥ 1, how many steps the training will have; None: unknown. Some rules do better if they know.
        fallback: a conventional optimizer (name, configuration or instance) that takes over; None: none. Its learning
            rate and weight decay are its own; clipping, averaging and accumulation are those given here.
        fallback_after: int ≥ 1, the number of updates after which it takes over; None: when `hand_over` is called,
            which `keras_hparam.callbacks.HandOverOnPlateau` does.
        config: `OptimizerConfig` or a dict of its values, of a rule that no weights are named for.
        theta: float array [P], the weights of the rule of `config`; they are then not read from anywhere.
        jit_compile: whether XLA compiles the update of each variable where nothing compiles the step around it (under
            TensorFlow). Without XLA an update takes many times as long.
        weight_decay: float ≥ 0 or None. A step takes learning_rate · weight_decay · α/2 of each parameter off it, as
            AdamW with the rate α/2 does; where the rule's α decays, so does this.
        name: str.
        **kwargs: clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps, as of any Keras optimizer.

    Attributes:
        rule: its `ElementwiseRule`.
        theta: variable [P].
        skipped_steps: variable, how many steps had gradients that are not finite.

    Raises:
        InvalidArgumentError: for unknown weights, a wrong fallback, steps < 1, or θ of another size.
        CorruptFileError: for weights that are truncated, altered, foreign or of another kind of rule.

    Source: US20220253704A1; Metz et al. 2022, arXiv 2203.11860.

    Example:

    ```python
    model.compile(optimizer=kh.optimizers.LearnedOptimizer(steps=epochs * steps_per_epoch), loss="mse")
    model.fit(x, y, epochs=epochs)
    ```
    """

    def __init__(
        self, weights="learned-nn", learning_rate=1.0, steps=None, fallback=None, fallback_after=None, config=None,
        theta=None, jit_compile=True, weight_decay=None, name="learned_optimizer", **kwargs,
    ):  # fmt: skip
        rule, theta = rule_weights.resolve(weights, config, theta)
        fallback = fallbacks.get(fallback)
        for argument, value in (("steps", steps), ("fallback_after", fallback_after)):
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
                raise errors.InvalidArgumentError(f"Expected `{argument}` to be an integer ≥ 1. Received: {value!r}.")
        if fallback is None and fallback_after is not None:
            raise errors.InvalidArgumentError("Expected a `fallback` beside `fallback_after`. Received: None.")
        learning_rate = float(learning_rate) if isinstance(learning_rate, int) else learning_rate
        super().__init__(learning_rate, weight_decay=weight_decay, name=name, **kwargs)
        self.rule, self.weights, self.steps, self.jit_compile = rule, weights, steps, jit_compile
        self.fallback, self.fallback_after = fallback, fallback_after
        self.theta = self._add_shared((rule.num_parameters,), "float32", "theta")
        self.theta.assign(theta)
        self.skipped_steps = self._add_shared((), "int32", "skipped_steps")
        self._updates = self._add_shared((), "int32", "updates")
        self._handed_over = self._add_shared((), "int32", "handed_over")
        self._updater = Updater(rule, steps, weight_decay, jit_compile)

    def _add_shared(self, shape, dtype, name):
        return self.add_variable(shape, dtype=dtype, aggregation="only_first_replica", name=name)

    def build(self, variables):
        """Makes the moving averages of the variables, and what the fallback keeps of them.

        Args:
            variables: list of `keras.Variable`.
        """
        if self.built:
            return
        super().build(variables)
        self._moments = [self._add_moments(variable) for variable in variables]
        if self.fallback is not None:
            self.fallback.build(variables)

    def _add_moments(self, variable):
        """The variables of the moving averages of a variable, in the order of `features.moment_shapes`."""
        dtype = keras.backend.result_type(variable.dtype, "float32")
        shapes = features.moment_shapes(self.rule.config, tuple(variable.shape))
        path = variable.path.replace("/", "_")
        return [self.add_variable(shape, dtype=dtype, name=f"{path}_{name}") for name, shape in shapes.items()]

    @property
    def variables(self):
        return self._variables + (self.fallback.variables if self.fallback is not None else [])

    @property
    def handed_over(self):
        """Whether the fallback makes the next step: a boolean scalar tensor."""
        handed_over = ops.convert_to_tensor(self._handed_over) > 0
        if self.fallback_after is not None:
            handed_over = ops.logical_or(handed_over, ops.convert_to_tensor(self._updates) >= self.fallback_after)
        return handed_over

    def hand_over(self):
        """From the next step on the fallback makes the steps.

        Raises:
            InvalidArgumentError: if there is no fallback.
        """
        if self.fallback is None:
            raise errors.InvalidArgumentError("Expected an optimizer with a `fallback`. Received: fallback=None.")
        self._handed_over.assign(1)

    def _make_step(self, pairs, learning_rate, on_replicas):
        """Updates all variables and counts."""
        pairs = [(gradient, variable) for gradient, variable in pairs if 0 not in variable.shape]

        def learned():
            for gradient, variable in pairs:
                on_replicas(variable, lambda v, g, rate: self.update_step(g, v, rate), gradient, learning_rate)

        def conventional():
            for gradient, variable in pairs:
                on_replicas(variable, self._fallback_step, gradient)
            on_replicas(self.fallback.iterations, self._count_fallback, pairs[0][0])

        if self.fallback is None:
            learned()
        elif pairs:
            fallbacks.branch(self.handed_over, conventional, learned, self._changed_variables())
        if pairs:
            on_replicas(self._updates, self._count, pairs[0][0])

    def _changed_variables(self):
        return [*self._trainable_variables, *self.variables]

    def _count(self, _, gradient):
        finite = ops.cast(is_finite(gradient), "int32")
        self.assign_add(self._updates, finite)
        self.assign_add(self.skipped_steps, 1 - finite)

    def _count_fallback(self, _, gradient):
        self.assign_add(self.fallback.iterations, ops.cast(is_finite(gradient), self.fallback.iterations.dtype))

    def update_step(self, gradient, variable, learning_rate):
        """Updates one variable and its moving averages, unless its gradient is NaN."""
        slots = self._moments[self._get_variable_index(variable)]
        names = features.moment_shapes(self.rule.config, tuple(variable.shape))
        dtype = keras.backend.result_type(variable.dtype, "float32")
        change, moments = self._updater(
            self.theta.value,
            {name: slot.value for name, slot in zip(names, slots, strict=True)},
            ops.cast(variable, dtype),
            ops.cast(gradient, dtype),
            self._updates.value,
            ops.cast(learning_rate, dtype),
            self._use_weight_decay(variable),
        )
        for name, slot in zip(names, slots, strict=True):
            self.assign(slot, moments[name])
        self.assign_sub(variable, ops.cast(change, variable.dtype))

    def _fallback_step(self, variable, gradient):
        """Lets the fallback update one variable, unless its gradient is NaN."""
        fallbacks.branch(
            is_finite(gradient), lambda: fallbacks.update(self.fallback, variable, gradient), lambda: None,
            self._changed_variables(),
        )  # fmt: skip

    def get_config(self):
        return super().get_config() | {
            "weights": str(self.weights) if self.weights is not None else None,
            "steps": self.steps,
            "fallback": keras.saving.serialize_keras_object(self.fallback),
            "fallback_after": self.fallback_after,
            "config": self.rule.to_dict(),
            "theta": [float(weight) for weight in ops.convert_to_numpy(self.theta)],
            "jit_compile": self.jit_compile,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The optimizer of a configuration: no file is read, θ is part of it."""
        fallback = keras.saving.deserialize_keras_object(config.get("fallback"), custom_objects)
        return super().from_config({**config, "fallback": fallback}, custom_objects)
