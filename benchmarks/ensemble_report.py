"""From cells to tables: mean ± standard deviation over seeds, and paired differences with bootstrap intervals.

Axes: R seeds; only seeds that both methods of a difference have finished are compared.
"""

import numpy as np

from benchmarks import statistics, tables

SCORES = ("nll", "accuracy", "rmse", "ece")
COSTS = ("parameters", "train_seconds", "inference_ms")
TITLES = {"nll": "NLL", "accuracy": "accuracy", "rmse": "RMSE", "ece": "ECE", "parameters": "parameters"}
TITLES |= {"train_seconds": "training s", "inference_ms": "ms/1000"}
DIGITS = {"nll": 4, "accuracy": 4, "rmse": 3, "ece": 4, "parameters": 0, "train_seconds": 1, "inference_ms": 1}
PAIRS = (
    ("hyper_batch", "batch_ensemble"), ("hyper_batch", "single"), ("hyper_deep", "deep_ensemble"),
    ("deep_ensemble", "single"),
    *(("hyper_batch", name) for name in ("unit_encoding", "value_entropy", "normal_factors", "published")),
)  # fmt: skip


def summarise(cells):
    """Figures of each task.

    Args:
        cells: list of cells of all methods and seeds.

    Returns:
        Dict by task: `methods`, a dict by method of figures with `mean`, `deviation` (over seeds, none for one) and
        `values` by seed; `differences`, a list of dicts with `method`, `base`, `num_seeds`, `wins` (seeds with a
        smaller NLL) and, of `method` minus `base`, `nll` with `mean` and `interval`.
    """
    summary = {}
    for task in dict.fromkeys(cell["task"] for cell in cells):
        own = [cell for cell in cells if cell["task"] == task]
        methods = {name: _figures([c for c in own if c["method"] == name]) for name in _names(own)}
        differences = [_difference(own, *pair) for pair in PAIRS]
        summary[task] = {"methods": methods, "differences": [found for found in differences if found]}
    return summary


def _names(cells):
    return dict.fromkeys(cell["method"] for cell in cells)


def _figures(cells):
    found = {"num_seeds": len(cells)}
    for name in (*SCORES, *COSTS):
        values = {str(cell["seed"]): cell[name] for cell in cells if name in cell}
        if values:
            array = np.array([*values.values()])
            deviation = float(array.std(ddof=1)) if len(array) > 1 else None
            found[name] = {"mean": float(array.mean()), "deviation": deviation, "values": values}
    return found


def _difference(cells, method, base):
    """The paired difference in NLL, or None where no seed has both."""
    ours, theirs = ({c["seed"]: c["nll"] for c in cells if c["method"] == name} for name in (method, base))
    seeds = sorted(set(ours) & set(theirs))
    if not seeds:
        return None
    differences = np.array([ours[seed] - theirs[seed] for seed in seeds])
    means = statistics.Means([(cells[0]["task"], seed) for seed in seeds])
    found = {"method": method, "base": base, "num_seeds": len(seeds), "wins": int(np.sum(differences < 0))}
    return found | {"nll": means.of(differences)}


def render(task, summary, note):
    """The table of a task, under a line with its name and a note."""
    methods = summary["methods"]
    columns = [name for name in (*SCORES, *COSTS) if any(name in found for found in methods.values())]
    rows = [["method", "seeds", *(TITLES[name] for name in columns)]]
    for method, found in methods.items():
        rows.append([method, str(found["num_seeds"]), *(_cell(found.get(name), DIGITS[name]) for name in columns)])
    lines = [f"== {task}: {note}", *tables.align(rows)]
    if not summary["differences"]:
        return "\n".join(lines)
    rows = [["difference in NLL (below 0: the first is better)", "mean, 95% interval", "better on"]]
    for found in summary["differences"]:
        low, high = found["nll"]["interval"]
        interval = f"{found['nll']['mean']:+.4f} [{low:+.4f}, {high:+.4f}]"
        rows.append([f"{found['method']} - {found['base']}", interval, f"{found['wins']} of {found['num_seeds']}"])
    return "\n".join([*lines, *tables.align(rows)])


def _cell(figure, digits):
    if figure is None:
        return "-"
    if digits == 0 or figure["deviation"] is None:
        return f"{figure['mean']:,.{digits}f}"
    return f"{figure['mean']:.{digits}f} ± {figure['deviation']:.{digits}f}"
