"""The most probable types of all crops of a cell together, found exactly.

The cost of an assignment is the sum of -log(24 p) of its crops and of the costs of its
counts (`mmscl.karyotype.prior`), where p are calibrated probabilities of a classifier
that was trained on all types equally often: 24 p is how much likelier the crop is
under the type than on average. A crop that is none of the 24 types costs what such
crops cost; its picture says nothing for or against, but its size may
(`mmscl.karyotype.sizes`).

For one sex complement, costs are convex in the counts, so each type becomes a row of
slots of rising cost, and the cheapest assignment of crops to slots is a linear
assignment problem (Kuhn 1955; solved by scipy after Crouse 2016,
doi:10.1109/TAES.2016.140952). The best complement is the best of all. No number of
chromosomes is forced.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from mmscl.karyotype.cells import check_probabilities
from mmscl.karyotype.prior import CountPrior, K

#: Class index of crops that are none of the 24 types.
NONE = K
#: No classifier is surer than this: probabilities below are raised to it. One wrong
#: training label in a million would be enough.
FLOOR = 1e-6
#: Slots of a type at first; more are made when they are all taken.
_SLOTS = 3


@dataclass(frozen=True)
class Assignment:
    """The cheapest assignment of a cell under one sex complement.

    Attributes:
        complement: 'XX', 'XY', 'X', ...: what the cell is taken to be. The counts of X
            and Y may depart from it at a cost, as those of autosomes may from two.
        types: Class index of each crop, int64 (n,); `NONE` is none of the 24.
        cost: In nats; negative logarithm of the probability up to a constant that
            all assignments and complements share.
    """

    complement: str
    types: np.ndarray
    cost: float

    @property
    def counts(self) -> np.ndarray:
        """Copies of each type, int64 (24,)."""
        return np.bincount(self.types, minlength=K + 1)[:K]


def crop_costs(
    probabilities: np.ndarray, none_ratios: np.ndarray | None = None
) -> np.ndarray:
    """What each crop costs as each type and as none of them, in nats: (n, 25).

    Args:
        probabilities: (n, 24), rows summing to one.
        none_ratios: As in :func:`assign`.

    Raises:
        PredictionTableError: Values that are no probabilities.
        ValueError: As :func:`assign`.
    """
    values = np.maximum(check_probabilities(probabilities), FLOOR)
    if none_ratios is None:
        none_ratios = np.zeros(len(values))
    if np.shape(none_ratios) != (len(values),):
        raise ValueError(
            f"none_ratios: expected shape ({len(values)},), a value for each crop, got "
            f"{np.shape(none_ratios)}."
        )
    return np.hstack([-np.log(K * values), -none_ratios[:, None]])


def assign(
    probabilities: np.ndarray,
    prior: CountPrior | None = None,
    none_ratios: np.ndarray | None = None,
) -> Assignment:
    """The most probable types of the crops of one cell.

    Args:
        probabilities: (n, 24), n >= 1, calibrated, rows summing to one.
        prior: Of the counts; None takes the defaults of `CountPrior`.
        none_ratios: How much likelier each crop is as none of the types than as one of
            them, natural logarithms (n,) (`Calibration.none_ratios`); None: as likely.

    Raises:
        PredictionTableError: Values that are no probabilities.
        ValueError: Another number of `none_ratios`.

    Example:
        >>> import numpy as np
        >>> likely = np.full((3, 24), 0.001)
        >>> likely[:, 3] = 0.977 - 0.4 * np.array([0, 0, 1])
        >>> likely[2, 4] = 0.401
        >>> assign(likely).types.tolist()
        [3, 3, 4]
    """
    found = assign_each(probabilities, prior, none_ratios)
    return min(found, key=lambda one: one.cost)


def assign_each(
    probabilities: np.ndarray,
    prior: CountPrior | None = None,
    none_ratios: np.ndarray | None = None,
) -> list[Assignment]:
    """The cheapest assignment under each sex complement of the prior, in its order.

    Args:
        probabilities, prior, none_ratios: As in :func:`assign`.

    Raises:
        PredictionTableError, ValueError: As :func:`assign`.
    """
    prior = prior or CountPrior()
    costs = crop_costs(probabilities, none_ratios)
    return [_solve(costs, prior, complement) for complement in prior.sex]


def _solve(costs: np.ndarray, prior: CountPrior, complement: str) -> Assignment:
    """Solve with few slots a type, and with twice as many while a type fills its own.

    A type's cheapest total is convex in its count, so an optimum that leaves a slot of
    each type free stays one whatever slots are added.
    """
    crops = len(costs)
    slots = min(_SLOTS, crops)
    while True:
        marginal = prior.marginal_costs(complement, slots)
        types, cost = _solve_slots(costs, marginal, prior.none_cost)
        counts = np.bincount(types, minlength=K + 1)[:K]
        if slots == crops or counts.max() < slots:
            return Assignment(complement, types, cost + prior.base_cost(complement))
        slots = min(2 * slots, crops)


def _solve_slots(
    costs: np.ndarray, marginal: np.ndarray, none_cost: float
) -> tuple[np.ndarray, float]:
    """Crops (n, 25) to slots of `marginal` cost (24, s), or to none of them."""
    slots = marginal.shape[1]
    owner = np.concatenate([np.repeat(np.arange(K), slots), np.full(len(costs), NONE)])
    extra = np.concatenate([marginal.ravel(), np.full(len(costs), none_cost)])
    table = costs[:, owner] + extra
    rows, columns = linear_sum_assignment(table)
    return owner[columns], float(table[rows, columns].sum())
