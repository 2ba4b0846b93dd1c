"""Generates studies to train an OptFormer on and writes them in shards.

    python tools/generate_studies.py --flagfile=configs/optformer/studies.flags --output=/tmp/studies

Killed and started again with the same flags, it makes the shards that are missing; more --studies add shards.
`tools/pretrain_optformer.py --studies_dir` trains on them; NumPy alone reads them (`optformer.corpus.shards`).
"""

import concurrent.futures
import multiprocessing
import multiprocessing.connection
import os
import pathlib
import shutil
import sys
import threading
import time

from absl import app, flags

from keras_hparam import atomic, checkpoints, errors

FLAGS = flags.FLAGS

flags.DEFINE_string("output", None, "Directory of the shards.", required=True)
flags.DEFINE_integer("seed", 0, "Seed of the corpus.", lower_bound=0)
flags.DEFINE_integer("studies", 1000, "Generated studies.", lower_bound=0)
flags.DEFINE_integer("studies_per_shard", 256, "Generated studies in a shard.", lower_bound=1)
flags.DEFINE_integer("processes", 1, "Processes that make shards at the same time.", lower_bound=1)
flags.DEFINE_integer("max_trials", 100, "Trials at most in a study.", lower_bound=1)
flags.DEFINE_integer("max_parameters", 12, "Parameters at most in a study.", lower_bound=1)
flags.DEFINE_float("library_share", 0.0, "Share of the studies whose trials Optuna's samplers propose (extra corpus).")
flags.DEFINE_integer("trainings", 0, "Studies of real trainings besides; each takes up to minutes.", lower_bound=0)
flags.DEFINE_string("data_dir", "", "Folder of recorded trainings and surrogates of them; none where it is empty.")


def end_with_parent():
    """Ends this process as soon as the one that started it ends, also where that one is killed."""

    def wait():
        multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def remove_partial_shards(directory):
    """Removes what a kill in the middle of a write left behind."""
    for path in pathlib.Path(directory).glob(f".shard-*{atomic.PARTIAL_SUFFIX}"):
        shutil.rmtree(path)


def make_shards(corpus, directory, indices, processes):
    """Makes the shards of `indices` in parallel and prints how far it is."""
    from keras_hparam.optformer.corpus import generation

    started, made = time.monotonic(), 0
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(processes, context, end_with_parent) as pool:
        futures = [pool.submit(generation.generate_shard, corpus, directory, index) for index in indices]
        try:
            for done, future in enumerate(concurrent.futures.as_completed(futures), 1):
                made += future.result()
                seconds = time.monotonic() - started
                left = seconds / done * (len(indices) - done) / 60.0
                print(f"shard {done}/{len(indices)}  {made / seconds:.1f} studies/s  {left:.1f} min left", flush=True)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def main(argv):
    """Finds out what is missing and makes it."""
    if len(argv) > 1:
        raise app.UsageError(f"Expected flags only. Received: {argv[1:]}")
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # of every process that makes shards
    from keras_hparam.optformer.corpus import generation
    from keras_hparam.optformer.corpus.real import RealProblems

    names = ("seed", "studies", "studies_per_shard", "max_trials", "max_parameters", "library_share", "trainings")
    corpus = generation.Corpus(**{name: FLAGS[name].value for name in names}, data_dir=FLAGS.data_dir)
    if FLAGS.data_dir:
        RealProblems(FLAGS.data_dir)  # whatever is missing shows now
    if FLAGS.library_share:
        from keras_hparam.optformer.corpus.policies import libraries

        libraries.check_installed()
    with checkpoints.Exclusive(FLAGS.output, "--output"):
        remove_partial_shards(FLAGS.output)
        indices = generation.missing_shards(corpus, FLAGS.output)
        present = len(corpus.recipes()) - len(indices)
        if present:
            print(f"{present} of {len(corpus.recipes())} shards are there.", flush=True)
        if indices:
            make_shards(corpus, FLAGS.output, indices, min(FLAGS.processes, len(indices)))
    print(f"{FLAGS.studies + FLAGS.trainings} studies in {FLAGS.output}")


if __name__ == "__main__":
    try:
        app.run(main)
    except errors.KerasHparamError as error:
        sys.exit(f"{type(error).__name__}: {error}")
