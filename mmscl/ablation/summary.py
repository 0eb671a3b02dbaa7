"""What the rows of an ablation say: values by seed and paired differences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmscl.ablation.cells import cell_values
from mmscl.ablation.results import Row
from mmscl.evaluation import (
    Difference,
    paired_differences,
    read_prediction_table,
)

#: The paper's measures (Table 1), in its order.
PAPER_MEASURES = ("accuracy", "recall", "auc")


@dataclass(frozen=True)
class Summary:
    """All that table and figure show.

    Attributes:
        configs, arms, sets: Names in the order shown; the first arm is the reference.
        rows: (config, arm, set) -> rows by seed, ascending.
        differences: (config, arm, set) -> measure -> difference from the first arm.
        paired_seeds: (config, arm, set) -> seeds that both arms have.
        cells: (config, arm, set) -> measure of whole cells -> one value a seed, in %;
            no values where the predictions do not tell their cells.
    """

    configs: list[str]
    arms: list[str]
    sets: list[str]
    rows: dict[tuple[str, str, str], list[Row]]
    differences: dict[tuple[str, str, str], dict[str, Difference]]
    paired_seeds: dict[tuple[str, str, str], list[str]]
    cells: dict[tuple[str, str, str], dict[str, list[float]]]

    def values(self, config: str, arm: str, name: str, measure: str) -> list[float]:
        """One value a seed, in %; [] for a measure or arm that is not there."""
        rows = self.rows.get((config, arm, name), [])
        return [float(row[measure]) for row in rows if row[measure]]

    def difference(self, config: str, arm: str, name: str) -> dict[str, Difference]:
        """Measure -> difference; {} for the reference and where nothing pairs."""
        return self.differences.get((config, arm, name), {})


def summarise(
    rows: Sequence[Row],
    out: Path,
    configs: Iterable[str] = (),
    arms: Iterable[str] = (),
    resamples: int = 10_000,
) -> Summary:
    """Collect values and compare each arm with the first, image by image.

    Args:
        rows: Of results.csv.
        out: Folder that their paths are relative to.
        configs, arms: Names in the order to show, as far as there are rows of them;
            those of further rows follow.
        resamples: Of the bootstrap.

    Raises:
        FileNotFoundError: A prediction table is gone.
        PredictionTableError: Tables cannot be paired.
    """
    grouped: dict[tuple[str, str, str], list[Row]] = {}
    for row in sorted(rows, key=lambda row: int(row["seed"])):
        grouped.setdefault((row["config"], row["arm"], row["set"]), []).append(row)
    tables = {
        key: {
            row["seed"]: read_prediction_table(out / row["predictions"]) for row in own
        }
        for key, own in grouped.items()
    }
    shown_arms = _order(arms, (row["arm"] for row in rows))
    differences, paired = {}, {}
    for (config, arm, name), ours in tables.items():
        theirs = tables.get((config, shown_arms[0], name), {})
        seeds = [seed for seed in ours if seed in theirs]
        if arm == shown_arms[0] or not seeds:
            continue
        key = (config, arm, name)
        paired[key] = seeds
        differences[key] = paired_differences(
            [ours[seed] for seed in seeds], [theirs[seed] for seed in seeds], resamples
        )
    return Summary(
        _order(configs, (row["config"] for row in rows)),
        shown_arms,
        _order(["internal"], (row["set"] for row in rows)),
        grouped,
        differences,
        paired,
        {key: cell_values(own.values()) for key, own in tables.items()},
    )


def mean_and_spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation (n - 1); the latter is NaN for one value."""
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else np.nan
    return float(np.mean(values)), spread


def _order(wanted: Iterable[str], there: Iterable[str]) -> list[str]:
    known = list(dict.fromkeys(there))
    first = [name for name in wanted if name in known]
    return [*first, *(name for name in known if name not in first)]
