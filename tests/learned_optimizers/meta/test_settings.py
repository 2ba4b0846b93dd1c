"""What a meta-step draws."""

import dataclasses

import numpy as np

from keras_hparam.learned_optimizers.meta import MetaTrainingSettings, Mixture, settings
from keras_hparam.tasks import functions

MIXTURE = Mixture([functions.Rastrigin(2), functions.Ackley(2)], weights=[3, 1])
GIVEN = MetaTrainingSettings(lengths=(5, 500), batch_size=1, total_steps_known=0.3, seed=2, validation_batch_size=2)


def test_tasks_are_a_function_of_seed_and_meta_step():
    drawn = [settings.draw_tasks(GIVEN, MIXTURE, meta_step) for meta_step in range(400)]
    again = settings.draw_tasks(dataclasses.replace(GIVEN, meta_steps=7), MIXTURE, 9)
    assert again[0] is drawn[9][0] and again[2:] == drawn[9][2:]
    np.testing.assert_array_equal(again[1]["parameters"][0], drawn[9][1]["parameters"][0])
    starts = [instances["parameters"][0].tobytes() for _, instances, _, _ in drawn]
    starts += [settings.draw_tasks(dataclasses.replace(GIVEN, seed=3), MIXTURE, 9)[1]["parameters"][0].tobytes()]
    starts += [instances["parameters"][0].tobytes() for _, instances in settings.held_out_tasks(GIVEN, MIXTURE)]
    assert len(set(starts)) == len(starts) == 403
    logs = np.log([steps for _, _, steps, _ in drawn])
    assert min(logs) == np.log(5) and max(logs) > np.log(470)
    shares, _ = np.histogram(logs, bins=4, range=(np.log(5), np.log(500)))
    np.testing.assert_allclose(shares / 400, 0.25, atol=0.09)  # log-uniform
    assert abs(np.mean([is_known for *_, is_known in drawn]) - 0.3) < 0.08
    assert abs(np.mean([family is MIXTURE.families[0] for family, *_ in drawn]) - 0.75) < 0.08


def test_validations_see_the_middle_and_the_end_unless_told():
    assert GIVEN.validation_lengths == (50, 500)
    assert dataclasses.replace(GIVEN, validation_lengths=[7]).validation_lengths == (7,)
    assert MetaTrainingSettings(**GIVEN.to_dict()) == GIVEN
    assert "meta_steps" not in GIVEN.course() and GIVEN.course()["lengths"] == [5, 500]
