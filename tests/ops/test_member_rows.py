"""Rows of members: padded, cut, seen by member; shapes against names of axes."""

import numpy as np
import pytest
import tensorflow as tf

from keras_hparam import errors
from keras_hparam.ops import member_rows
from tests.ops import member_loops


@pytest.mark.parametrize("rows, members", [(6, 3), (7, 3), (2, 4), (1, 1), (0, 2)])
def test_rows_go_to_the_members_in_order(rows, members):
    x = np.arange(2.0 * rows).reshape(rows, 2)
    padded = member_rows.pad_rows(tf.constant(x), members)
    view = np.asarray(member_rows.by_member(padded, members))
    assert view.shape == (members, -(-rows // members), 1, 2)
    for row in range(rows):
        member = member_loops.member_of(row, rows, members)
        np.testing.assert_array_equal(view[member, row - member * view.shape[1], 0], x[row])
    np.testing.assert_array_equal(member_rows.cut_rows(padded, rows), x)
    assert np.count_nonzero(view) == np.count_nonzero(x)  # what was added is zero


def test_nothing_is_copied_where_the_number_divides():
    x = tf.zeros((6, 2))
    assert member_rows.pad_rows(x, 3) is x and member_rows.cut_rows(x, 6) is x


def test_positions_within_a_row_are_merged():
    assert member_rows.by_member(tf.zeros((6, 4, 5, 2)), 3).shape == (3, 2, 20, 2)


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({"r": ((0, 2), "KI")}, r"`r` of shape \[K ≥ 1, I\]. Received: shape \(0, 2\)"),
        ({"r": ((3, 2), "KI"), "s": ((4, 5), "KO")}, r"`s` of shape \[K = 3, O\]. Received: shape \(4, 5\)"),
        ({"r": ((3, 2), "KI"), "x": ((6, 2, 1), "N…I")}, r"`x` of shape \[N, …, I = 2\]"),
        ({"x": ((6,), "N…I")}, r"`x` of shape \[N, …, I\]"),
        ({"bias": ((3, 2, 1), "KO")}, r"`bias` of shape \[K ≥ 1, O\]"),
    ],
)
def test_other_shapes_are_errors_that_name_the_array(arrays, message):
    with pytest.raises(errors.InvalidArgumentError, match=message):
        member_rows.check_shapes(**{name: (np.zeros(shape), axes) for name, (shape, axes) in arrays.items()})


def test_shapes_that_fit_unknown_sizes_and_missing_arrays_pass():
    unknown = tf.TensorSpec((None, 2))
    arrays = {"x": (unknown, "N…I"), "y": (np.zeros((4, 3, 3, 2)), "N…I"), "z": (None, "KO"), "e": (unknown, "NO")}
    member_rows.check_shapes(**arrays)
