"""From cells to a table and a picture.

Axes: P peers, R repeats (a problem with a seed), T trials. Only repeats that every peer has finished are compared.
"""

import numpy as np

from benchmarks import reference

HORIZONS = (10, 25, 50, 100)
LATENCY_TRIALS = (10, 50, 100)
LATENCY_PARAMETERS = 7


def regrets(cells, references, signs, num_trials):
    """Regret curves, aligned.

    Args:
        cells: list of cells of one suite.
        references: dict of references by problem name.
        signs: dict of signs by problem name.
        num_trials: T; a search that stopped earlier keeps its last regret.

    Returns:
        (peers, repeats, curves [P, R, T]).
    """
    found = {}
    for cell in cells:
        name = cell["problem"]
        curve = reference.regret(cell["objectives"][:num_trials], references[name], signs[name])
        padded = np.pad(curve, (0, num_trials - len(curve)), mode="edge")
        found.setdefault(cell["peer"], {})[name, cell["seed"]] = padded
    peers = list(found)
    repeats = sorted(set.intersection(*(set(found[peer]) for peer in peers))) if peers else []
    curves = [[found[peer][repeat] for repeat in repeats] for peer in peers]
    return peers, repeats, np.reshape(curves, (len(peers), len(repeats), num_trials))


def ranks(values):
    """Ranks [P, R] of values [P, R] among the P peers of each repeat, 1 the smallest, ties averaged."""
    smaller = np.sum(values[None] < values[:, None], axis=1)
    equal = np.sum(values[None] == values[:, None], axis=1)
    return smaller + (equal + 1) / 2


def standard_error(values):
    """Standard error of the mean over the last axis; NaN for a single value."""
    values = np.asarray(values)
    if values.shape[-1] < 2:
        return np.full(values.shape[:-1], np.nan)
    return values.std(axis=-1, ddof=1) / np.sqrt(values.shape[-1])


def latencies(cells, peer):
    """Median milliseconds of a proposal at `LATENCY_TRIALS` over the peer's problems with 7 parameters.

    Returns:
        Dict from trial number (from 1) to milliseconds, without the trials that were not reached.
    """
    chosen = [c["ask_seconds"] for c in cells if c["peer"] == peer and c["num_parameters"] == LATENCY_PARAMETERS]
    result = {}
    for trial in LATENCY_TRIALS:
        reached = [seconds[trial - 1] for seconds in chosen if len(seconds) >= trial]
        if reached:
            result[trial] = 1000 * float(np.median(reached))
    return result


def summarise(cells, references, signs, num_trials):
    """Figures of one suite.

    Returns:
        Dict with `num_repeats`, `horizons` and, by peer, `regret`, `standard_error`, `rank` and `rank_error` at the
        horizons, `milliseconds` by trial, `curve` [T], `curve_error` [T], `illegal` proposals and how many searches
        `beat_best_known`.
    """
    peers, repeats, curves = regrets(cells, references, signs, num_trials)
    horizons = [h for h in HORIZONS if h <= num_trials] or [num_trials]
    summary = {"num_repeats": len(repeats), "horizons": horizons, "peers": {}}
    if not repeats:
        return summary
    at = curves[:, :, np.array(horizons) - 1]  # [P, R, H]
    rank = np.stack([ranks(at[:, :, h]) for h in range(len(horizons))], axis=-1)  # [P, R, H]
    for p, peer in enumerate(peers):
        own = [c for c in cells if c["peer"] == peer]
        beaten = (signs[c["problem"]] * (np.array(c["objectives"]) - references[c["problem"]]["best"]) for c in own)
        summary["peers"][peer] = {
            "regret": at[p].mean(axis=0).tolist(),
            "standard_error": standard_error(at[p].T).tolist(),
            "rank": rank[p].mean(axis=0).tolist(),
            "rank_error": standard_error(rank[p].T).tolist(),
            "milliseconds": latencies(own, peer),
            "curve": curves[p].mean(axis=0).tolist(),
            "curve_error": standard_error(curves[p].T).tolist(),
            "illegal": sum(c["illegal"] for c in own),
            "beat_best_known": sum(bool(np.any(difference > 1e-9)) for difference in beaten),
        }
    return summary


def _with_error(mean, error, digits):
    """A mean with its standard error, without one where there is a single repeat."""
    return f"{mean:.{digits}f}" + ("" if np.isnan(error) else f"±{error:.{digits}f}")


def render(suite, summary):
    """The table of one suite as text: regret ± standard error, mean rank, milliseconds per proposal."""
    horizons = summary["horizons"]
    rows = [["peer", *(f"regret@{h}" for h in horizons), *(f"rank@{h}" for h in horizons)]]
    rows[0] += [f"ms@{t}" for t in LATENCY_TRIALS]
    for peer, figures in summary["peers"].items():
        row = [peer]
        row += [_with_error(m, e, 3) for m, e in zip(figures["regret"], figures["standard_error"], strict=True)]
        row += [_with_error(m, e, 2) for m, e in zip(figures["rank"], figures["rank_error"], strict=True)]
        row += [f"{figures['milliseconds'][t]:.1f}" if t in figures["milliseconds"] else "-" for t in LATENCY_TRIALS]
        rows.append(row)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    title = f"{suite}: {summary['num_repeats']} repeats (problems x seeds); regret 0 = best known, 1 = median of random"
    notes = [
        f"{peer}: {figures['illegal']} proposals outside the space, {figures['beat_best_known']} searches beat the best"
        for peer, figures in summary["peers"].items()
        if figures["illegal"] or figures["beat_best_known"]
    ]
    return "\n".join([title, *lines, *notes])


def plot(summaries, file):
    """Mean regret against the number of trials with its standard error, one panel per suite, to an image file."""
    import matplotlib.figure

    figure = matplotlib.figure.Figure(figsize=(6 * len(summaries), 4.2), layout="constrained")
    panels = figure.subplots(1, len(summaries), squeeze=False)[0]
    for axes, (suite, summary) in zip(panels, summaries.items(), strict=True):
        for peer, figures in summary["peers"].items():
            curve, error = np.array(figures["curve"]), np.nan_to_num(figures["curve_error"])
            trials = np.arange(1, len(curve) + 1)
            axes.plot(trials, curve, label=peer)
            axes.fill_between(trials, np.maximum(curve - error, 1e-4), curve + error, alpha=0.2)
        axes.set(title=f"{suite} ({summary['num_repeats']} repeats)", xlabel="trial", yscale="log")
        axes.set_ylabel("normalised regret, mean ± standard error")
        axes.grid(alpha=0.3, which="both")
        axes.legend()
    figure.savefig(file, dpi=120)
