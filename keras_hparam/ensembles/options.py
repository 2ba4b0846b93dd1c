"""How a hyper-batch ensemble is trained: the choices that `compile` takes beside those of Keras."""

import dataclasses

import keras

from keras_hparam import errors

LOSSES_OF = ("members", "ensemble")
ENTROPIES_OF = ("log_values", "values")


@dataclasses.dataclass(frozen=True)
class TrainingOptions:
    """What a training and a tuning step minimise, how often tuning steps come, what is measured of the members.

    Attributes:
        member_metrics: metrics of the members' outputs [n, K, …], such as `kh.metrics.Disagreement()`.
        loss_of: "members" for the mean of the members' losses, "ensemble" for the loss of their combined output.
        tuning_loss_of: the same for tuning steps.
        tuning_optimizer: a `keras.optimizers.Optimizer`, or its name, of the bounds.
        tuning_every: int >= 1, training steps per tuning step.
        tuning_batch_size: int >= 1, examples of a tuning step; None for as many as in a training step.
        entropy_weight: number >= 0, how much a tuning step also raises the entropy of the distributions.
        entropy_of: "log_values" or "values", see `Bounds.entropy`.

    Raises:
        InvalidArgumentError: for other values.
    """

    member_metrics: tuple = ()
    loss_of: str = "members"
    tuning_loss_of: str = "ensemble"
    tuning_optimizer: object = dataclasses.field(default_factory=lambda: keras.optimizers.Adam(1e-3))
    tuning_every: int = 3
    tuning_batch_size: int | None = None
    entropy_weight: float = 1e-3
    entropy_of: str = "log_values"

    def __post_init__(self):
        choices = {"loss_of": LOSSES_OF, "tuning_loss_of": LOSSES_OF, "entropy_of": ENTROPIES_OF}
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise errors.InvalidArgumentError(
                    f"Expected `{name}` to be one of {allowed}. Received: {getattr(self, name)!r}."
                )
        for name in ("tuning_every", "tuning_batch_size"):
            value = getattr(self, name)
            if name == "tuning_batch_size" and value is None:
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise errors.InvalidArgumentError(f"Expected `{name}` to be an int >= 1. Received: {value!r}.")
        if not isinstance(self.entropy_weight, int | float) or not self.entropy_weight >= 0:
            raise errors.InvalidArgumentError(
                f"Expected `entropy_weight` to be a number >= 0. Received: {self.entropy_weight!r}."
            )
        object.__setattr__(self, "tuning_optimizer", keras.optimizers.get(self.tuning_optimizer))
        object.__setattr__(self, "member_metrics", tuple(keras.metrics.get(one) for one in self.member_metrics))

    def get_config(self):
        """The arguments that make them again, optimizer and metrics serialized."""
        config = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        serialize = keras.saving.serialize_keras_object
        config["member_metrics"] = [serialize(metric) for metric in self.member_metrics]
        return {**config, "tuning_optimizer": serialize(self.tuning_optimizer)}

    @classmethod
    def split(cls, arguments):
        """(options, the other arguments) from the keyword arguments of `compile`."""
        names = {field.name for field in dataclasses.fields(cls)}
        own = {name: value for name, value in arguments.items() if name in names and value is not None}
        return cls(**own), {name: value for name, value in arguments.items() if name not in names}
