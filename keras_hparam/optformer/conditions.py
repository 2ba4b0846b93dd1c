"""Which parameter of a layout is active, given the tokens of those before it, in tensors.

A parameter's conditions become clauses that must all be met; a clause is met when any of its atoms is; an atom says
that the parameter at a place has one of some tokens.

Axes: N candidates, D parameters of the layout, E parameters of the space, K atoms, C clauses.
"""

import dataclasses
import itertools

import numpy as np
import tensorflow as tf

from keras_hparam.optformer.embeddings import CATEGORICAL
from keras_hparam.spaces.conditions import TokenTables, values_taken


@dataclasses.dataclass(frozen=True)
class Conditions:
    """The conditions among a layout's parameters, as arrays.

    The E parameters are those of the layout in its order, then the others.

    Attributes:
        parents: int [K], the place in the layout that an atom asks about.
        allowed: bool [K, num_bins], the network tokens with which it is true.
        clauses: bool [C, K], the atoms of each clause.
        needed: bool [E, C], the clauses of each parameter.
        namesakes: bool [D, E]: parameters of the same name that come first in the space; one of them blocks.
    """

    parents: np.ndarray
    allowed: np.ndarray
    clauses: np.ndarray
    needed: np.ndarray
    namesakes: np.ndarray


def conditions_of(space, layout):
    """`Conditions` of a `SearchSpace` in a `Layout`.

    A parent that the layout leaves out counts by its only value while its own conditions are met; one with several
    values is taken to have the right one.
    """
    columns = [*map(int, layout.columns), *sorted(set(range(len(space))) - set(map(int, layout.columns)))]
    needed_by = _clauses(space, layout)
    clauses = _numbered(clause for needed in needed_by for clause in needed)
    atoms = _numbered(atom for clause in clauses for atom in clause)
    names = [parameter.name for parameter in space.parameters]
    allowed = np.zeros((len(atoms), layout.legal.shape[1]), bool)
    for (_, tokens), row in atoms.items():
        allowed[row, list(tokens)] = True
    return Conditions(
        parents=np.asarray([place for place, _ in atoms], np.int32),
        allowed=allowed,
        clauses=_membership(clauses, atoms),
        needed=_membership([needed_by[column] for column in columns], clauses),
        namesakes=np.asarray(
            [[names[e] == names[d] and e < d for e in columns] for d in columns[: len(layout.columns)]], bool
        ).reshape(len(layout.columns), len(columns)),
    )


def is_active(conditions, tokens, place):
    """Whether the parameter at a place is active, bool [N].

    Args:
        conditions: dict of the fields of `Conditions`, as tensors.
        tokens: int [N, D], network tokens; those at the place and after it do not matter.
        place: int scalar, in [0, D).
    """
    asked = tf.gather(tf.transpose(tokens), conditions["parents"])  # [K, N]
    is_true = tf.gather(conditions["allowed"], tf.maximum(asked, 0), batch_dims=1) & (asked >= 0)
    met = tf.matmul(_count(conditions["clauses"]), _count(is_true)) > 0  # [C, N]
    hold = tf.matmul(_count(conditions["needed"]), _count(~met)) == 0  # [E, N]
    blocked = tf.reduce_any(hold & conditions["namesakes"][place][:, None], axis=0)
    return hold[place] & ~blocked


def _count(flags):
    return tf.cast(flags, tf.float32)


def _clauses(space, layout):
    """Per parameter of the space its clauses: tuples of atoms (place, the tokens with which it is true)."""
    places = {int(column): place for place, column in enumerate(layout.columns)}
    tables = TokenTables(space.parameters, layout.legal.shape[1])
    clauses = []

    def alternative(parent, condition):
        """The clauses that say that the condition is met by the parameter at index `parent`."""
        tokens = _tokens_that_meet(space.parameters[parent], parent, condition, tables, layout.legal.shape[1])
        if parent in places:
            return [((places[parent], _to_network(tokens, layout, places[parent])),)]
        if space.parameters[parent].num_values == 1:
            return clauses[parent] if tokens else [()]  # the clause without atoms is never met
        return []

    for parameter in space.parameters:
        needed = []
        for condition in parameter.conditions:
            parents = [e for e in range(len(clauses)) if space.parameters[e].name == condition.name]
            combined = itertools.product(*(alternative(parent, condition) for parent in parents))
            needed += [sum(parts, ()) for parts in combined]  # one of several parents suffices
        clauses.append(needed)
    return clauses


def _tokens_that_meet(parameter, index, condition, tables, num_bins):
    tokens = {parameter.to_token(value, num_bins) for value in values_taken(parameter, condition.values)}
    return [token for token in sorted(tokens) if tables.decode(index, token) in condition.values]


def _to_network(tokens, layout, place):
    """The network tokens, a sorted tuple, that `Layout.from_network` takes to some tokens of the space."""
    if layout.kinds[place] != CATEGORICAL:
        return tuple(tokens)
    shifted = ((t + layout.shifts[place]) % layout.num_categories for t in tokens if t < layout.num_categories)
    return tuple(sorted(map(int, shifted)))


def _numbered(items):
    """A dict from each distinct item to its number, in order."""
    return {item: number for number, item in enumerate(dict.fromkeys(items))}


def _membership(groups, numbers):
    """bool [groups, numbers]: which of the numbered items each group holds."""
    table = np.zeros((len(groups), len(numbers)), bool)
    for row, group in enumerate(groups):
        table[row, [numbers[item] for item in group]] = True
    return table
