"""The next-best assignments of a cell: how sure each crop's type and each count is.

From the cheapest assignment all others are reached by moving crops. A move of a crop
from type a to type b is an arc of a small graph whose nodes are the 24 types, 'none'
and the outside; an arc to the outside lets a type keep one crop more, an arc from it
lets a type have one less. In a cheapest assignment no cycle has negative cost, so
shortest paths between the 26 nodes give the cheapest assignment with a given crop at a
given type (its min-marginal), and the cheapest one with other counts, both exactly
(Ahuja, Magnanti, Orlin, "Network Flows", 1993, ch. 9: residual networks).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmscl.karyotype.assignment import Assignment, assign_each, crop_costs
from mmscl.karyotype.prior import CountPrior, K

#: Complements that cost more than the best by this (nats) add less than 1e-6.
_FAR = 14.0


@dataclass(frozen=True)
class Alternatives:
    """The best assignment of a cell and what the next-best ones cost more.

    Attributes:
        best: The cheapest assignment over all complements.
        margins: What the cheapest assignment with this crop at this type costs more,
            nats, float64 (n, 25); 0 at the assigned types.
        counts_certainty: Share of the best counts among the counts one exchange away
            (one type a crop less, another one more) under every complement, each
            weighted by exp(-cost) of its cheapest assignment; 0..1.
        type_certainty: The same for the count of each type by itself, (24,).
    """

    best: Assignment
    margins: np.ndarray
    counts_certainty: float
    type_certainty: np.ndarray


def find_alternatives(
    probabilities: np.ndarray,
    prior: CountPrior | None = None,
    none_ratios: np.ndarray | None = None,
) -> Alternatives:
    """Solve a cell and look at what is second best.

    Args:
        probabilities, prior, none_ratios: As in :func:`mmscl.karyotype.assign`.

    Raises:
        PredictionTableError, ValueError: As :func:`mmscl.karyotype.assign`.
    """
    prior = prior or CountPrior()
    costs = crop_costs(probabilities, none_ratios)
    found = assign_each(probabilities, prior, none_ratios)
    best = min(found, key=lambda one: one.cost)
    margins = np.full(costs.shape, np.inf)
    tally = _Tally(best.counts)
    for one in found:
        behind = one.cost - best.cost
        if behind > _FAR:
            continue
        graph = _Exchanges(costs, one, prior)
        np.minimum(margins, behind + graph.margins(), out=margins)
        tally.add(one.counts, behind, graph.count_changes())
    return Alternatives(best, np.maximum(margins, 0.0), *tally.certainties())


class _Exchanges:
    """Shortest chains of moves around one assignment.

    Attributes:
        inner: Cheapest chain of moves from type to type with all counts between kept,
            (25, 25).
        release: Cost of taking a slot from a type, (25,); infinite where it has none.
        absorb: Cost of one more slot, (25,).
    """

    def __init__(
        self, costs: np.ndarray, assignment: Assignment, prior: CountPrior
    ) -> None:
        self.costs, self.types = costs, assignment.types
        counts = assignment.counts
        marginal = prior.marginal_costs(assignment.complement, int(counts.max()) + 1)
        some = counts > 0
        taken = marginal[np.arange(K), np.maximum(counts - 1, 0)]
        none = bool((self.types == K).any())
        self.absorb = np.append(marginal[np.arange(K), counts], prior.none_cost)
        self.release = np.append(
            np.where(some, -taken, np.inf), -prior.none_cost if none else np.inf
        )
        self.moves = costs - costs[np.arange(len(costs)), self.types][:, None]
        self.inner = _shortest(self._cheapest_moves())

    def _cheapest_moves(self) -> np.ndarray:
        """Cheapest single move from each type to each other: (25, 25)."""
        order = np.argsort(self.types, kind="stable")
        present, start = np.unique(self.types[order], return_index=True)
        arcs = np.full((K + 1, K + 1), np.inf)
        arcs[present] = np.minimum.reduceat(self.moves[order], start, axis=0)
        np.fill_diagonal(arcs, 0.0)
        return arcs

    def margins(self) -> np.ndarray:
        """What it costs to have each crop at each type: (n, 25)."""
        out = (self.inner + self.absorb[None]).min(axis=1)
        back = (self.release[:, None] + self.inner).min(axis=0)
        between = np.minimum(self.inner, out[:, None] + back[None])
        return self.moves + between[:, self.types].T

    def count_changes(self) -> np.ndarray:
        """Cost of the cheapest assignment with one crop less at a, one more at b.

        Returns:
            (25, 25) over a, b; infinite on the diagonal.
        """
        result = self.release[:, None] + self.inner + self.absorb[None]
        np.fill_diagonal(result, np.inf)
        return result


class _Tally:
    """Weights of the counts that were met, by how they differ from the best."""

    def __init__(self, counts: np.ndarray) -> None:
        self.counts, self.same, self.other = counts, 0.0, 0.0
        self.other_by_type = np.zeros(K)

    def add(self, counts: np.ndarray, behind: float, changes: np.ndarray) -> None:
        """Counts (24,) of a complement, and those one exchange (25, 25) from them."""
        differ = counts - self.counts
        own = float(np.exp(-behind))
        weights = np.exp(-(behind + changes))
        if differ.any():
            self.other += own
            self.other_by_type += own * (differ != 0)
            self._leave_out_best(weights, differ)
        else:
            self.same += own
        total = float(weights.sum())
        self.other += total
        # Where one exchange leaves a type as in the best counts, its weight is not
        # against them: less one here (row) if there was one too many, one more (column)
        # if one too few, neither if it was equal.
        less, more = weights.sum(axis=1)[:K], weights.sum(axis=0)[:K]
        self.other_by_type += np.select(
            [differ == 0, differ == 1, differ == -1],
            [less + more, total - less, total - more],
            total,
        )

    @staticmethod
    def _leave_out_best(weights: np.ndarray, differ: np.ndarray) -> None:
        """Zero the exchange that leads back to the best counts, if there is one."""
        if np.abs(differ).max() > 1 or (differ == 1).sum() > 1:
            return
        if (differ == -1).sum() <= 1:
            from_, to = (
                int(np.append(differ == sign, True).argmax()) for sign in (1, -1)
            )
            weights[from_, to] = 0.0

    def certainties(self) -> tuple[float, np.ndarray]:
        total = self.same + self.other
        return self.same / total, 1 - self.other_by_type / total


def _shortest(arcs: np.ndarray) -> np.ndarray:
    """Lengths of shortest paths between all nodes (Floyd 1962): (m, m)."""
    lengths = arcs.copy()
    for middle in range(len(lengths)):
        np.minimum(
            lengths, lengths[:, middle, None] + lengths[None, middle], out=lengths
        )
    return lengths
