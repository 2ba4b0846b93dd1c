"""What a search leaves behind: tables, progress lines, pictures and TensorBoard logs of plain trial records.

Knows neither KerasTuner nor any system: whoever runs a search turns its trials into `TrialRecord`s.
TensorFlow is loaded by `write_hparams` alone, when it is called.
"""

from keras_hparam.reports.bounds import bounds_figure
from keras_hparam.reports.pictures import convergence_figure, save_figure
from keras_hparam.reports.progress import SearchProgress
from keras_hparam.reports.records import ParameterScale, TrialRecord, best_record, best_so_far
from keras_hparam.reports.scatter import parameters_figure
from keras_hparam.reports.tables import read_csv, read_json, write_csv, write_json
from keras_hparam.reports.tensorboard_logs import write_hparams

__all__ = [
    "ParameterScale",
    "SearchProgress",
    "TrialRecord",
    "best_record",
    "best_so_far",
    "bounds_figure",
    "convergence_figure",
    "parameters_figure",
    "read_csv",
    "read_json",
    "save_figure",
    "write_csv",
    "write_hparams",
    "write_json",
]
