"""Evolution strategies with and without clipped meta-losses, and a genetic algorithm, on smooth and rough landscapes.

    python -m benchmarks.meta_training --workdir=W --report

Each method meta-trains the same optimizer on the same tasks, with the same number of candidates in a meta-step, from
several seeds; its learning rate or its width σ is the best of three on one further seed. What is compared is the
validation score against meta-steps: the mean normalised loss on held-out tasks. Prints the score at the end of each
method and landscape, mean ± standard deviation over seeds, and draws the curves. A cell is a file in the workdir: a run
that was killed continues.
"""

import json
import pathlib

import numpy as np
from absl import app, flags, logging

from benchmarks import threads

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
LANDSCAPES = ["quadratics", "rastrigin", "ackley", "lennard_jones_13"]
METHODS = ["evolution strategies", "evolution strategies, clipped", "genetic algorithm"]
RATES, SIGMAS = (0.003, 0.01, 0.03), (0.02, 0.05, 0.15)  # of evolution strategies at σ = .05, of the genetic algorithm
CANDIDATES, BATCH, STEPS, TUNING_SEED = 16, 16, 60, 1000

FLAGS = flags.FLAGS
flags.DEFINE_string("workdir", None, "Folder of the cells, the table and the picture.", required=True)
flags.DEFINE_list("landscapes", LANDSCAPES, "Families of `meta.catalogue`.")
flags.DEFINE_integer("seeds", 5, "Seeds 0..n-1 of candidates and tasks.", lower_bound=2)
flags.DEFINE_integer("meta_steps", 200, "Meta-steps of a training.", lower_bound=10)
flags.DEFINE_bool("report", False, "Also leave the table in benchmarks/results/, the picture in docs/.")


def make_estimator(method, option):
    """The estimator of a method, with its learning rate or its σ."""
    import keras

    from keras_hparam.learned_optimizers import meta

    if method == "genetic algorithm":
        return meta.GeneticAlgorithm(option, CANDIDATES)
    optimizer = keras.optimizers.Adam(option, clipnorm=1.0)
    return meta.EvolutionStrategies(0.05, CANDIDATES // 2, clip="clipped" in method, optimizer=optimizer)


def train(landscape, method, option, seed):
    """The scores [validations] of a meta-training, and their meta-steps."""
    from keras_hparam.learned_optimizers import ElementwiseRule, OptimizerConfig, meta, particles
    from keras_hparam.learned_optimizers.meta import catalogue

    is_cluster = landscape.startswith(catalogue.CLUSTERS)
    rule = particles.ParticleRule(particles.ParticleConfig(widths=(16,))) if is_cluster else None
    settings = meta.MetaTrainingSettings(
        meta_steps=FLAGS.meta_steps, lengths=(STEPS, STEPS), batch_size=BATCH, trajectory="last", seed=seed,
        validate_every=FLAGS.meta_steps // 10, validation_batch_size=128,
    )  # fmt: skip
    trained = meta.meta_train(
        rule or ElementwiseRule(OptimizerConfig()), catalogue.by_name(landscape), make_estimator(method, option),
        settings, progress=lambda *_: None,
    )  # fmt: skip
    return [[validated[key] for validated in trained.history] for key in ("score", "meta_step")]


def read_or_compute(landscape, method):
    """Dict of a cell: "option", "meta_steps" [V] and "scores" [seeds, V]."""
    from benchmarks import reference

    file = f"{landscape}-{METHODS.index(method)}-{FLAGS.meta_steps}-{FLAGS.seeds}.json"
    path = pathlib.Path(FLAGS.workdir) / file
    if not path.exists():
        options = SIGMAS if method == "genetic algorithm" else RATES
        option = min(options, key=lambda one: train(landscape, method, one, TUNING_SEED)[0][-1])
        runs = [train(landscape, method, option, seed) for seed in range(FLAGS.seeds)]
        cell = {"option": option, "meta_steps": runs[0][1], "scores": [scores for scores, _ in runs]}
        logging.info("%s, %s, %g: %.4f", landscape, method, option, np.mean(cell["scores"], axis=0)[-1])
        reference.write_json(path, cell)
    return json.loads(path.read_text())


def table(found):
    """Lines: a row for each method, a column for each landscape."""
    from benchmarks import tables

    rows = [["normalised loss on held-out tasks", *found]]
    starts = [np.mean(cells[METHODS[0]]["scores"], axis=0)[0] for cells in found.values()]
    rows.append(["untrained", *(f"{start:.3f}" for start in starts)])
    for method in METHODS:
        ends = [np.array(cells[method]["scores"])[:, -1] for cells in found.values()]
        rows.append([method, *(f"{end.mean():.3f} ± {end.std(ddof=1):.3f}" for end in ends)])
    return tables.align(rows)


def picture(found):
    """A panel for each landscape, the mean curves of all methods with their spread: a matplotlib figure."""
    import matplotlib.figure

    figure = matplotlib.figure.Figure(figsize=(3.8 * len(found), 3.6), layout="constrained")
    for axes, (landscape, cells) in zip(figure.subplots(1, len(found), squeeze=False)[0], found.items(), strict=True):
        for method, cell in cells.items():
            scores = np.array(cell["scores"])
            mean, spread = scores.mean(axis=0), scores.std(axis=0, ddof=1)
            axes.plot(cell["meta_steps"], mean, label=method)
            axes.fill_between(cell["meta_steps"], mean - spread, mean + spread, alpha=0.15)
        axes.set(title=landscape, xlabel="meta-step")
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("normalised loss, held-out tasks")
    figure.axes[0].legend(fontsize="small")
    return figure


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Expected flags only. Received: {argv[1:]}.")
    threads.pin(1)
    from benchmarks import reference
    from keras_hparam import reports

    found = {name: {method: read_or_compute(name, method) for method in METHODS} for name in FLAGS.landscapes}
    title = f"{FLAGS.meta_steps} meta-steps of {CANDIDATES} candidates, {FLAGS.seeds} seeds, mean ± standard deviation"
    text = "\n".join([title, *table(found)])
    print(text)
    for folder in [pathlib.Path(FLAGS.workdir), *([RESULTS] if FLAGS.report else [])]:
        reference.write_json(folder / "meta_training.json", found)
        (folder / "meta_training.txt").write_text(text + "\n")
    pictures = ROOT / "docs" if FLAGS.report else pathlib.Path(FLAGS.workdir)
    reports.save_figure(picture(found), pictures / "meta_training.png")


if __name__ == "__main__":
    app.run(main)
