"""How many chromosomes of each type a cell has: the prior, and what it costs.

A cell has a sex complement (XX, XY, X, ...) and two copies of each autosome. Each
expected chromosome is missing with a small probability, independently: lost in the
preparation, hidden in an overlap, or not cropped. Further copies of a type come at a
small rate (Poisson). So do crops that are no single chromosome: debris, overlaps,
pieces.

The probability of an assignment z of n crops that gives type t the count c_t, and d
crops to none of them, is P(d) d! prod_t P(c_t) c_t! / n!, as any order of the crops is
equally likely. Its negative logarithm is a sum of convex functions of the counts, one a
type, which is why it can be minimised exactly (`mmscl.karyotype.assignment`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mmscl.datasets.manifest import TYPES

K = len(TYPES)
AUTOSOMES = 22
X, Y = TYPES.index("X"), TYPES.index("Y")

#: Sex complements and their shares among newborns: XXY 1 in 596 boys, XYY 1 in 894
#: boys, XXX 1 in 1002 girls, X 1 in 2130 girls. Nielsen and Wohlert, "Sex chromosome
#: abnormalities found among 34,910 newborn children", Birth Defects: Original Article
#: Series 26(4):209-223, 1990. As many boys as girls.
NEWBORNS = {
    "XX": 0.499266,
    "XY": 0.498602,
    "X": 0.000235,
    "XXX": 0.000499,
    "XXY": 0.000839,
    "XYY": 0.000559,
}
#: The rates' upper bound: up to here the costs are convex whatever the complement.
MOST = 0.2


@dataclass(frozen=True)
class CountPrior:
    """Rates that say which counts are likely.

    Attributes:
        loss: Probability that an expected chromosome is missing from the cell.
        gain: Rate of a further copy, one for each of the 24 types.
        sex: Probability of each complement, a string of X and Y.
        none: Crops that are no single chromosome, expected in a cell. It is set, not
            learned: labelled data sets do not hold such crops.

    The defaults are for a laboratory without training cells: sex as among newborns;
    losses and gains of the order of Pki-3's training cells.

    Raises:
        ValueError: A rate out of range (0 to `MOST`, not 0), another number of types, a
            complement of other letters, or shares that do not sum to one.
    """

    loss: float = 0.002
    gain: tuple[float, ...] = (0.001,) * K
    sex: Mapping[str, float] = field(default_factory=lambda: dict(NEWBORNS))
    none: float = 0.01

    def __post_init__(self) -> None:
        if len(self.gain) != K:
            raise ValueError(f"gain: expected {K} rates, got {len(self.gain)}.")
        named = {"loss": self.loss, "none": self.none}
        named |= {
            f"gain of {t}": rate for t, rate in zip(TYPES, self.gain, strict=True)
        }
        for name, rate in named.items():
            if not 0 < rate <= MOST:
                raise ValueError(f"{name}: expected 0 < rate <= {MOST}, got {rate}.")
        for letters, share in self.sex.items():
            if set(letters) - {"X", "Y"} or not letters or share <= 0:
                raise ValueError(
                    "sex: expected complements such as XX, XY, X, each with a share "
                    f"above 0, got {letters!r}: {share}."
                )
        if not self.sex or abs(sum(self.sex.values()) - 1) > 1e-6:
            raise ValueError(
                f"sex: expected shares that sum to one, got {dict(self.sex)}."
            )

    def expected(self, complement: str) -> np.ndarray:
        """Copies of each type in a complete cell of this complement, int64 (24,)."""
        counts = np.full(K, 2)
        counts[X], counts[Y] = complement.count("X"), complement.count("Y")
        return counts

    def marginal_costs(self, complement: str, copies: int) -> np.ndarray:
        """What the next copy of a type costs, in nats: (24, copies), never falling.

        Entry [t, c] is the cost of copy c + 1 beyond that of c copies, with
        cost(c) = -log(P(c) c!). With e expected copies, loss q and gain g the
        probability is P(c) = C(e, c) (1-q)^c q^(e-c) up to e and
        P(e+k) = (1-q)^e g^k / k! above.
        """
        expected = self.expected(complement)[:, None]
        number = np.arange(1, copies + 1)[None]
        rate = np.asarray(self.gain)[:, None]
        kept = np.log((1 - self.loss) / self.loss)
        within = number <= expected
        below = kept + np.log(np.where(within, expected - number + 1, 1))
        above = np.log(rate * number / np.where(within, 1, number - expected))
        return -np.where(within, below, above)

    def base_cost(self, complement: str) -> float:
        """Cost of a cell of this complement without any chromosome, in nats.

        With the marginal costs of its copies on top it is the whole cost of the
        counts, up to a constant that all complements share.
        """
        missing = int(self.expected(complement).sum())
        return float(-np.log(self.sex[complement]) - missing * np.log(self.loss))

    @property
    def none_cost(self) -> float:
        """Cost of a crop that is no single chromosome, in nats."""
        return float(-np.log(self.none))


def learn_prior(
    counts: np.ndarray,
    cases: np.ndarray,
    none: float = CountPrior.none,
    strength: float = 100.0,
) -> CountPrior:
    """Rates from cells whose types are known.

    Cells of one case share its karyotype, so a case counts once: with the mean over
    its cells. Shares are smoothed by half an event (Jeffreys). The gain of each type is
    drawn to the mean over the autosomes with the weight of `strength` cases, as single
    trisomies are too rare to be counted. Cells whose sex complement is not one of
    `NEWBORNS` leave that out.

    Args:
        counts: Copies of each type in each cell, integers (N, 24), N >= 1.
        cases: Case of each cell (N,).
        none: As in `CountPrior`.
        strength: Cases, > 0.

    Raises:
        ValueError: Other shapes, no cells, or negative counts.
    """
    counts, cases = np.asarray(counts), np.asarray(cases)
    if counts.ndim != 2 or counts.shape[1] != K or not len(counts):
        raise ValueError(f"counts: expected shape (N, {K}), N >= 1, got {counts.shape}")
    if len(cases) != len(counts) or counts.min() < 0:
        raise ValueError(
            f"expected a case for each of {len(counts)} cells and counts >= 0, got "
            f"{len(cases)} cases and a count of {counts.min()}."
        )
    _, inverse, sizes = np.unique(cases, return_inverse=True, return_counts=True)
    weights, total = 1 / sizes[inverse], len(sizes)
    autosomes = counts[:, :AUTOSOMES]
    lost = weights @ np.maximum(2 - autosomes, 0)
    gained = weights @ np.maximum(autosomes - 2, 0)
    pool = (gained.sum() + 0.5) / (AUTOSOMES * total + 0.5)
    gain = np.full(K, pool)
    gain[:AUTOSOMES] = (gained + strength * pool) / (total + strength)
    return CountPrior(
        loss=min(float((lost.sum() + 0.5) / (2 * AUTOSOMES * total + 1)), MOST),
        gain=tuple(np.minimum(gain, MOST).tolist()),
        sex=_sex_shares(counts, weights),
        none=none,
    )


def _sex_shares(counts: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    found = {
        letters: weights[
            (counts[:, X] == letters.count("X")) & (counts[:, Y] == letters.count("Y"))
        ].sum()
        + 0.5
        for letters in NEWBORNS
    }
    total = sum(found.values())
    return {letters: float(share / total) for letters, share in found.items()}
