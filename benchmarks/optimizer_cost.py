"""What a step of the learned optimizer costs beside a whole training step with Adam, both compiled by XLA.

    python -m benchmarks.optimizer_cost --workdir=W

A dense network of 1.0 M parameters at batch 128. A training step with Adam is forward, backward and update; a learned
step is the update alone, from given gradients. What is compared is called in turns in one process, and the least of
the rounds counts: other programs on the machine only add. Prints a table and leaves `optimizer_cost.json` and
`optimizer_cost.txt` in the workdir.
"""

import os
import pathlib
import time

from absl import app, flags, logging

from benchmarks import threads

FLAGS = flags.FLAGS
flags.DEFINE_string("workdir", None, "Folder of the results.", required=True)
flags.DEFINE_list("widths", ["2", "4", "6", "16"], "Widths of the hidden layer.")
flags.DEFINE_integer("rounds", 15, "Rounds.", lower_bound=1)
flags.DEFINE_integer("steps", 5, "Steps of each in a round.", lower_bound=1)
flags.DEFINE_bool("groups", True, "Whether to measure the default configuration without each group of features.")

BATCH, SIZES = 128, (784, 800, 450, 10)  # 992,960 parameters
REFERENCE = "Adam, whole training step"


def configurations(widths, groups):
    """The configurations to measure, by name."""
    from keras_hparam.learned_optimizers import OptimizerConfig
    from keras_hparam.learned_optimizers.config import FEATURES

    found = {"default": OptimizerConfig()}
    found |= {f"width {width}": OptimizerConfig(widths=(int(width),)) for width in widths}
    if groups:
        for group in FEATURES:
            kept = tuple(name for name in FEATURES if name != group)
            found[f"default without {group}"] = OptimizerConfig(features=kept)
        found["one more momentum"] = OptimizerConfig(momentum_decays=(0.9, 0.99, 0.5))
        found["activation tanh"] = OptimizerConfig(activation="tanh")
        found["activation softsign"] = OptimizerConfig(activation="softsign")
        found["scale parameter_rms"] = OptimizerConfig(scale="parameter_rms")
    return found


def network(rng):
    """(network, inputs, labels)."""
    import keras

    hidden = [keras.layers.Dense(size, "relu") for size in SIZES[1:-1]]
    model = keras.Sequential([keras.Input(SIZES[:1]), *hidden, keras.layers.Dense(SIZES[-1])])
    return model, rng.random((BATCH, SIZES[0]), "float32"), rng.integers(SIZES[-1], size=BATCH)


def training_step(rng):
    """A callable that makes one whole training step with Adam."""
    import keras
    import tensorflow as tf

    model, x, y = network(rng)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, jit_compile=True)
    model.train_on_batch(x, y)
    batches = iter(tf.data.Dataset.from_tensors((x, y)).cache().repeat())
    model.make_train_function()
    return lambda: model.train_function(batches)["loss"]


def update(rng, optimizer, jit_compile=True):
    """A callable that applies given gradients to such a network, in a graph that XLA compiles or not."""
    import tensorflow as tf

    model, _, _ = network(rng)
    gradients = [tf.constant(rng.standard_normal(v.shape, "float32")) for v in model.trainable_variables]
    optimizer.build(model.trainable_variables)

    @tf.function(jit_compile=jit_compile)
    def step(gradients):
        optimizer.apply(gradients)
        return model.trainable_variables[-1][0] + 0.0  # something to wait for

    return lambda: step(gradients)


def measure(widths, groups, rounds, steps):
    """List of dicts with the name, its inputs per element and per tensor, weights, seconds to compile, milliseconds."""
    import keras
    import numpy as np

    from keras_hparam.optimizers import LearnedOptimizer

    rng, calls, rows = np.random.default_rng(0), {}, []
    makers = {REFERENCE: (None, lambda: training_step(rng))}
    makers["Adam, update alone"] = None, lambda: update(rng, keras.optimizers.Adam())
    for when in (10**9, 1):
        optimizer = LearnedOptimizer(None, fallback="adam", fallback_after=when)
        name = "default, fallback " + ("waits" if when > 1 else "has taken over")
        makers[name] = optimizer.rule, lambda optimizer=optimizer: update(rng, optimizer)
    for name, itself in (("default, XLA for the optimizer alone", True), ("default, without XLA", False)):
        optimizer = LearnedOptimizer(None, jit_compile=itself)
        makers[name] = optimizer.rule, lambda optimizer=optimizer: update(rng, optimizer, jit_compile=False)
    for name, config in configurations(widths, groups).items():
        optimizer = LearnedOptimizer(None, config=config)
        makers[name] = optimizer.rule, lambda optimizer=optimizer: update(rng, optimizer)
    for name, (rule, make) in makers.items():
        began = time.process_time()
        calls[name] = make()
        calls[name]()
        row = {"name": name, "compile_cpu_seconds": time.process_time() - began}
        if rule is not None:
            inputs = {"per_element": rule.network.features, "per_tensor": rule.network.context}
            row |= inputs | {"weights": rule.num_parameters}
        rows.append(row)
        logging.info("%s", row)
    for row, milliseconds in zip(rows, in_turns(calls, rounds, steps), strict=True):
        row["milliseconds"] = milliseconds
    for row in rows:
        row["ratio"] = row["milliseconds"] / rows[0]["milliseconds"]
    return rows


def in_turns(calls, rounds, steps):
    """The least milliseconds per call over the rounds, one for each callable."""
    least = dict.fromkeys(calls, float("inf"))
    for _ in range(rounds):
        for name, call in calls.items():
            began = time.perf_counter()
            for _ in range(steps):
                result = call()
            float(result)  # waits
            least[name] = min(least[name], 1000 * (time.perf_counter() - began) / steps)
    return list(least.values())


def render(rows):
    """The table."""
    from benchmarks import tables

    lines = [["1.0 M parameters, batch 128", "inputs per element", "per tensor", "weights", "ms", "ratio", "compile s"]]
    for row in rows:
        sizes = [str(row.get(key, "")) for key in ("per_element", "per_tensor", "weights")]
        figures = [f"{row['milliseconds']:.2f}", f"{row['ratio']:.2f}", f"{row['compile_cpu_seconds']:.1f}"]
        lines.append([row["name"], *sizes, *figures])
    return "\n".join(tables.align(lines))


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Expected flags only. Received: {argv[1:]}.")
    threads.pin(1)
    from benchmarks import reference

    load = os.getloadavg()[0]
    rows = measure(FLAGS.widths, FLAGS.groups, FLAGS.rounds, FLAGS.steps)
    text = f"{os.cpu_count()} cores, load before the run {load:.1f}\n{render(rows)}"
    print(text)
    workdir = pathlib.Path(FLAGS.workdir)
    content = {"cores": os.cpu_count(), "load_before": load, "batch": BATCH, "sizes": SIZES, "rows": rows}
    reference.write_json(workdir / "optimizer_cost.json", content)
    (workdir / "optimizer_cost.txt").write_text(text + "\n")


if __name__ == "__main__":
    app.run(main)
