"""Files of recorded trainings, read into groups of runs that share a task.

Every reader takes a path and yields `Group`s; `READERS` names the files.
"""

import collections
import csv
import dataclasses
import gzip
import io
import json

from keras_hparam.optformer.corpus.table_spaces import parsed
from keras_hparam.optformer.study import Metadata

_WORKLOADS = {  # beginning of an AlgoPerf workload -> task and model
    "criteo": ("click-through rate prediction", "dlrm"),
    "fastmri": ("image reconstruction", "unet"),
    "imagenet_resnet": ("image classification", "resnet50"),
    "librispeech_conformer": ("speech recognition", "conformer"),
    "librispeech_deepspeech": ("speech recognition", "deepspeech"),
    "wmt": ("translation", "transformer"),
}
_METRIC_KINDS = {"accuracy": "unit", "ssim": "unit", "bleu": "percent", "loss": "loss", "wer": "loss"}
_CLASSIFICATION = "tabular classification"
MAX_BYTES = 1 << 28  # of a table, unpacked


@dataclasses.dataclass(frozen=True)
class Group:
    """Runs of one task.

    Args:
        metadata: `Metadata`.
        metric: kind of metric, a key of `names.METRICS`.
        runs: list of (values, objective): a dict from names to values, and a float, NaN where the run failed.
        parent: the key on which others depend, or None.
        least_share: keys that a smaller share of the runs has are no parameters.
    """

    metadata: Metadata
    metric: str
    runs: list
    parent: str | None = None
    least_share: float = 0.0


def _read(path):
    """The rows of a table as dicts."""
    with gzip.open(path) as file:
        text = file.read(MAX_BYTES + 1)
    if len(text) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES} bytes")
    rows = list(csv.DictReader(io.StringIO(text.decode(), newline="")))
    if not rows:
        raise ValueError("no rows")
    return rows


def _grouped(rows, key):
    groups = collections.defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups.items()


def _number(text):
    return float(text) if text else float("nan")


def algoperf(path):
    """AlgoPerf: one group per workload, over all submissions and the hyperparameters that several of them share."""
    rows = [row for row in _read(path) if row["hparams"] not in ("", "{}")]
    for workload, runs in _grouped(rows, lambda row: row["workload"]):
        begin = next((name for name in _WORKLOADS if workload.startswith(name)), None)
        task, model = _WORKLOADS.get(begin, ("", ""))
        metric = runs[0]["metric"]
        recorded = []
        for row in runs:
            values = {k: v for k, v in json.loads(row["hparams"]).items() if isinstance(v, bool | int | float | str)}
            recorded.append(({**values, "optimizer": row["submission"]}, _number(row["best_val_metric"])))
        metadata = Metadata(task, model, workload, metric)
        yield Group(metadata, _METRIC_KINDS[metric], recorded, parent="optimizer", least_share=0.25)


def rtdl(path):
    """Tabular networks: one group per data set and model; the names of the configuration joined by dots."""
    for (dataset, model), runs in _grouped(_read(path), lambda row: (row["dataset"], row["model"])):
        column = "val_accuracy" if runs[0]["val_accuracy"] else "val_rmse"
        task = _CLASSIFICATION if column == "val_accuracy" else "tabular regression"
        recorded = [(_flat(json.loads(row["config"])), _number(row[column])) for row in runs]
        yield Group(Metadata(task, model, dataset, column), "unit" if column == "val_accuracy" else "loss", recorded)


def _flat(config, prefix=""):
    flat = {}
    for key, value in config.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{key}."))
        elif isinstance(value, bool | int | float | str):
            flat[prefix + key] = value
    return flat


def sklearn(path):
    """Classifiers of scikit-learn: one group per data set and method, and one per data set over all methods."""
    rows = _read(path)
    for (dataset, method), runs in _grouped(rows, lambda row: (row["dataset"], row["method"])):
        recorded = [(_parameters(row["params"]), _number(row["mean_score"])) for row in runs]
        yield Group(Metadata(_CLASSIFICATION, method, dataset, "accuracy"), "unit", recorded)
    for dataset, runs in _grouped(rows, lambda row: row["dataset"]):
        if len({row["method"] for row in runs}) > 1:
            named = [({"classifier": row["method"], **_parameters(row["params"])}, row) for row in runs]
            recorded = [(values, _number(row["mean_score"])) for values, row in named]
            yield Group(Metadata(_CLASSIFICATION, "scikit-learn", dataset, "accuracy"), "unit", recorded, "classifier")


def _parameters(text):
    return {name: parsed(value) for name, value in (item.split("=", 1) for item in text.split(";") if item)}


def deepobs(path):
    """DeepOBS: per problem, for test loss and test accuracy, all optimizers together and the learning rate of each."""
    for problem, runs in _grouped(_read(path), lambda row: row["problem"]):
        dataset, _, model = problem.partition("_")
        for column, kind, metric in (
            ("final_test_acc", "unit", "test_accuracy"),
            ("final_test_loss", "loss", "test_loss"),
        ):
            rate = "learning_rate"
            recorded = [({"optimizer": r["optimizer"], rate: float(r["lr"])}, _number(r[column])) for r in runs]
            metadata = Metadata("", model, dataset, metric)
            yield Group(metadata, kind, recorded)
            for name in sorted({row["optimizer"] for row in runs}):
                single = [({rate: values[rate]}, result) for values, result in recorded if values["optimizer"] == name]
                yield Group(metadata, kind, single)


READERS = {
    "algoperf_trials.csv.gz": algoperf,
    "rtdl_runs.csv.gz": rtdl,
    "sklearn_olson2016.csv.gz": sklearn,
    "deepobs_runs.csv.gz": deepobs,
}
