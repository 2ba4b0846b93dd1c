"""Trajectories of all candidates on all instances as one program: an optimizer's steps on tasks.

A rule is what an optimizer network is to meta-training. With its parameters theta [M, P] it has

    num_parameters                          P
    initial(seed)                           its first parameters, float [P]
    init(parameters, batch_rank)            its state for parameters whose first `batch_rank` (2) axes are M and B
    step(theta, state, parameters, gradients, losses, step, total_steps)    (parameters, state) after one step
    to_dict()                               its configuration as plain JSON values

where total_steps is a float scalar; 0: it is not told. States keep their structure, shapes and dtypes.

Axes: M candidates, B instances, T steps, P parameters of the rule, … the shape of one parameter of a task.
"""

from typing import NamedTuple

from keras import ops

from keras_hparam.ops.differentiation import value_and_gradient

TRAJECTORIES = ("mean", "last")


class Unrolled(NamedTuple):
    """What `advance` found out.

    Attributes:
        mean: float [M, B], the mean of the normalised losses after each of the steps; of the last one it is the final
            loss, as claim 17 has it.
        last: float [M, B], the normalised final loss, as claim 18 has it.
        final: float [M, B], the final loss itself.
        losses: float [capacity, M, B], the loss that each step saw, NaN where no step was made.
    """

    mean: object
    last: object
    final: object
    losses: object


def begin(rule, instances, population):
    """(parameters, state) of M trajectories on each of the instances.

    Args:
        rule: see above.
        instances: of a family's `sample`.
        population: int, M.
    """
    parameters = [ops.convert_to_tensor(parameter) for parameter in instances["parameters"]]
    parameters = [ops.broadcast_to(parameter[None], (population, *parameter.shape)) for parameter in parameters]
    return parameters, rule.init(parameters, batch_rank=2)


def advance(rule, family, theta, carry, instances, first, steps, total_steps, capacity=0):
    """Makes some steps of trajectories.

    Args:
        rule: see above.
        family: `TaskFamily`.
        theta: float [M, P].
        carry: of `begin`, or of the steps before.
        instances: of the family's `sample`, as tensors.
        first: int32 scalar, how many steps were made before.
        steps: int32 scalar >= 1, how many to make; a tensor, so that one program serves all lengths.
        total_steps: float scalar, what the rule is told about the length of the whole trajectory; 0: nothing.
        capacity: int >= `steps`, of the array of all losses; 0 for none.

    Returns:
        (carry, `Unrolled`)
    """

    def body(step, parameters, state, total, losses_so_far):
        losses, gradients = value_and_gradient(lambda found: family.loss(found, instances, step))(parameters)
        counted = ops.where(step > first, family.normalize(losses, instances), 0.0)
        if capacity:
            losses_so_far = ops.slice_update(losses_so_far, (step - first, 0, 0), losses[None])
        changed, state = rule.step(theta, state, parameters, gradients, losses, step, total_steps)
        return step + 1, changed, state, total + counted, losses_so_far

    shape = tuple(carry[0][0].shape[:2])
    zeros, nothing = ops.zeros(shape, "float32"), ops.full((capacity, *shape), float("nan"), "float32")
    _, parameters, state, total, losses = ops.while_loop(
        lambda step, *_: step < first + steps, body, (first, *carry, zeros, nothing)
    )
    final = family.final_loss(parameters, instances)
    last = family.normalize(final, instances)
    mean = (total + last) / ops.cast(steps, "float32")
    return (parameters, state), Unrolled(mean, last, final, losses)


def unroll(rule, family, theta, instances, steps, total_steps=0.0, capacity=0):
    """Whole trajectories of all candidates on all instances: `Unrolled`.

    Args:
        rule, family, theta, instances, steps, total_steps, capacity: as of `advance`.

    Example:

    ```python
    program = compilation.compile(functools.partial(unroll, rule, family, capacity=200))
    found = program(theta[None], family.sample(np.random.default_rng(0), batch_size=8), 100, 100.0)
    curves = found.losses[:100, 0]  # [100, 8]
    ```
    """
    steps, total_steps = ops.cast(steps, "int32"), ops.cast(total_steps, "float32")
    carry = begin(rule, instances, theta.shape[0])
    return advance(rule, family, theta, carry, instances, ops.zeros((), "int32"), steps, total_steps, capacity)[1]
