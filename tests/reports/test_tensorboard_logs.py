"""The event files, read back as TensorBoard reads them."""

import pytest

from keras_hparam import errors
from keras_hparam.reports import ParameterScale, TrialRecord, write_hparams

RECORDS = [
    TrialRecord(1, "completed", 0.5, {"rate": 0.1, "kind": "a", "flag": True, "units": 8}, 2.5),
    TrialRecord(2, "failed", None, {"rate": 0.2, "kind": "b"}, 1.0),
    TrialRecord(10, "pending", None, {"rate": 0.3, "kind": "b"}),
]
SCALES = [
    ParameterScale("rate", "log", 0.01, 1.0),
    ParameterScale("kind", "categorical", choices=("b", "a")),
    ParameterScale("units", "linear", 1, 8),
    ParameterScale("mixed", "categorical", choices=("b", 1)),
]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Run name -> (HParams plugin data by tag, scalars by tag), as TensorBoard's own reader finds them."""
    from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer

    directory = tmp_path_factory.mktemp("logs") / "tensorboard"
    write_hparams(directory, RECORDS, SCALES, "val_accuracy")
    reader = EventMultiplexer().AddRunsFromDirectory(str(directory))
    reader.Reload()
    found = {}
    for run in reader.Runs():
        content = reader.GetAccumulator(run).summary_metadata
        hparams = {t: m.plugin_data.content for t, m in content.items() if m.plugin_data.plugin_name == "hparams"}
        scalars = {t: reader.Tensors(run, t) for t, m in content.items() if m.plugin_data.plugin_name == "scalars"}
        found[run] = hparams, scalars
    return found


def test_one_run_per_trial_and_one_for_the_experiment(runs):
    assert sorted(runs) == [".", "trial_01", "trial_02", "trial_10"]


def test_the_experiment_describes_parameters_and_metric(runs):
    from tensorboard.plugins.hparams import metadata

    experiment = metadata.parse_experiment_plugin_data(runs["."][0][metadata.EXPERIMENT_TAG])
    infos = {info.name: info for info in experiment.hparam_infos}
    assert list(infos) == ["rate", "kind", "units", "mixed"]
    assert (infos["rate"].domain_interval.min_value, infos["rate"].domain_interval.max_value) == (0.01, 1.0)
    assert [value.string_value for value in infos["kind"].domain_discrete.values] == ["a", "b"]
    assert infos["units"].domain_interval.max_value == 8
    assert [info.name.tag for info in experiment.metric_infos] == ["val_accuracy"]


def test_sessions_hold_values_status_and_time(runs):
    from tensorboard.plugins.hparams import api_pb2, metadata

    names = {"completed": api_pb2.STATUS_SUCCESS, "failed": api_pb2.STATUS_FAILURE}
    for record in RECORDS:
        data = runs[f"trial_{record.number:02d}"][0]
        start = metadata.parse_session_start_info_plugin_data(data[metadata.SESSION_START_INFO_TAG])
        assert start.group_name == f"trial {record.number}"
        values = {name: getattr(value, value.WhichOneof("kind")) for name, value in start.hparams.items()}
        assert values == record.values
        if record.status == "pending":
            assert metadata.SESSION_END_INFO_TAG not in data
            continue
        end = metadata.parse_session_end_info_plugin_data(data[metadata.SESSION_END_INFO_TAG])
        assert end.status == names[record.status]
        assert end.end_time_secs - start.start_time_secs == pytest.approx(record.seconds, abs=1e-3)


def test_only_completed_sessions_have_the_metric(runs):
    from tensorboard.util import tensor_util

    (event,) = runs["trial_01"][1]["val_accuracy"]
    assert event.step == 1
    assert tensor_util.make_ndarray(event.tensor_proto) == pytest.approx(0.5)
    assert not runs["trial_02"][1] and not runs["trial_10"][1]


def test_a_folder_that_is_not_empty_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(errors.InvalidArgumentError, match="`directory`.*Received: "):
        write_hparams(tmp_path, RECORDS, SCALES, "m")
