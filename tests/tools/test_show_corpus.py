"""The program that draws the corpus, run for real on a few studies, and its shares against counting by hand."""

import os
import pathlib
import subprocess
import sys
import textwrap

import matplotlib.image

TOOLS = pathlib.Path(__file__).parents[2] / "tools"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(TOOLS.parent)}


def test_it_draws_three_small_pictures(tmp_path):
    flags = [f"--output={tmp_path}", "--studies=12", "--problems=3", "--max_trials=20"]
    command = [sys.executable, str(TOOLS / "show_corpus.py"), *flags]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    pictures = sorted(path.name for path in tmp_path.iterdir())
    assert pictures == ["corpus_objectives.png", "corpus_policies.png", "corpus_studies.png"]
    for name in pictures:
        assert (tmp_path / name).stat().st_size < 150_000
        image = matplotlib.image.imread(tmp_path / name)
        assert image[..., :3].std() > 0.05  # it is not empty


def test_slices_and_shares():
    program = textwrap.dedent(
        """
        import dataclasses
        import numpy as np
        import corpus_pictures
        from keras_hparam.optformer.corpus import generate_study
        from keras_hparam.optformer.study import Metadata
        from keras_hparam.spaces import Parameter, SearchSpace

        class Plane:
            num_bins, sign = 1000, -1.0
            space = SearchSpace(tuple(Parameter(name, "float", low=0.0, high=1.0) for name in "abc"))
            def noiseless(self, tokens):
                return tokens[:, 0] + 2.0 * tokens[:, 2]

        row = np.array([10, 20, 30])
        places = np.array([[0, 0], [1, 0], [0, 1]])
        print(corpus_pictures.slice_values(Plane(), row, [0, 2], places).tolist())
        print(corpus_pictures.effects(Plane(), row, [0, 1, 2]))
        studies = [generate_study(0, index, max_trials=5) for index in range(20)]
        empty = [dataclasses.replace(study, metadata=Metadata()) for study in studies]
        falls = corpus_pictures.study_shares(studies)["a metric that falls"]
        print(corpus_pictures.study_shares(empty)["no metadata but the metric"],
              falls * 20 == sum(study.goal == "min" for study in studies))
        """
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, cwd=TOOLS, check=True)
    assert done.stdout.splitlines() == ["[-0.0, -1.0, -2.0]", "[999.0, 0.0, 1998.0]", "1.0 True"]
