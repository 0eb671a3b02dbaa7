"""Train, val and test for the records of a source: given, by case, or by image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from mmscl.datasets.manifest import (
    SPLITS,
    case_position,
    check_ratios,
    split_by_case,
)
from mmscl.datasets.sources.decode import ImageFacts
from mmscl.datasets.sources.listing import Listing, SourceError

RATIOS = (0.7, 0.1, 0.2)
SPLIT_UNITS = ("case", "image", "none")


@dataclass
class Splits:
    """How the splits of a source come about.

    Attributes:
        unit: 'given' (by the source), or one of ``SPLIT_UNITS``.
        ratios: Shares of train, val, test, where splits are made here.
        moved: Cases that :meth:`apply` put into a split so that it is not empty.
    """

    unit: str
    ratios: Sequence[float] = RATIOS
    moved: dict[str, str] = field(default_factory=dict)

    def apply(self, listing: Listing, facts: Sequence[ImageFacts]) -> None:
        """Writes the split of every record; ``facts`` has one entry a record."""
        if self.unit == "case":
            names = [record["case"] for record in listing.records]
        elif self.unit == "image":
            names = [fact.digest for fact in facts]
        else:
            return
        splits = split_by_case(names, self.ratios).tolist()
        if self.unit == "case":
            chosen = dict(zip(names, splits, strict=True))
            self.moved = fill_splits(chosen, self.ratios)
        for record, name, split in zip(listing.records, names, splits, strict=True):
            record["split"] = self.moved.get(name, split)

    @property
    def note(self) -> str:
        """A sentence for the report."""
        shares = ", ".join(
            f"{split} {ratio:g}"
            for split, ratio in zip(SPLITS, self.ratios, strict=True)
        )
        return {
            "given": "The splits are those that the source gives.",
            "none": "No splits were made (--split-unit none).",
            "case": "Split by case: the hash of its name decides for each case "
            f"({shares}).{self._moves}",
            "image": "Split by image, which is not a split by case: the hash of its "
            f"pixels decides for each image ({shares}). Images of one person are in "
            "several splits: accuracy measured on such a split is too high for new "
            "people.",
        }[self.unit]

    @property
    def _moves(self) -> str:
        moves = [f"{case} to {split}" for case, split in self.moved.items()]
        return f" So that no split is empty: {', '.join(moves)}." if moves else ""


def fill_splits(chosen: Mapping[str, str], ratios: Sequence[float]) -> dict[str, str]:
    """Moves that give every split one case at least, where few cases leave some empty.

    The case that its hash puts nearest to the empty share moves, from a split that
    keeps another. With fewer cases than splits nothing can be done for the last ones.

    Args:
        chosen: Split of each case, by :func:`split_by_case`.
        ratios: Shares of train, val and test; a share of zero stays empty.

    Returns:
        Case -> split, of the cases that move alone.
    """
    bounds = [0.0, *accumulate(ratios)]
    moved: dict[str, str] = {}
    for place, split in enumerate(SPLITS):
        now = {**chosen, **moved}
        sizes = Counter(now.values())
        spare = [case for case in now if sizes[now[case]] > 1]
        if ratios[place] == 0 or sizes[split] or not spare:
            continue
        low, high = bounds[place], bounds[place + 1]
        at = {case: case_position(case) for case in sorted(spare)}
        beyond = {case: max(low - at[case], at[case] - high) for case in at}
        moved[min(beyond, key=beyond.__getitem__)] = split
    return moved


def plan_splits(
    listing: Listing,
    ratios: Sequence[float] | None = None,
    split_unit: str | None = None,
) -> Splits:
    """Decides on the splits before the long work of decoding begins.

    Args:
        listing: Splits that its records already have are kept.
        ratios: Shares of train, val, test; None means ``RATIOS``.
        split_unit: One of ``SPLIT_UNITS``; None means 'case'.

    Raises:
        SourceError: Cases are not known, only some records have a split, or options
            that have no meaning here.
        ValueError: Ratios that are no shares.
    """
    without = [r["path"] for r in listing.records if not r.get("split")]
    if len(without) < len(listing.records):
        _check_given(without, len(listing.records), ratios, split_unit)
        return Splits("given")
    unit = split_unit or "case"
    if unit not in SPLIT_UNITS:
        raise SourceError(
            f"--split-unit: expected one of {', '.join(SPLIT_UNITS)} but got {unit!r}"
        )
    if unit == "none" and ratios is not None:
        raise SourceError("--ratios has no meaning with --split-unit none")
    if unit == "case":
        _check_cases(listing)
    if ratios is None:
        return Splits(unit)
    check_ratios(ratios)
    return Splits(unit, ratios)


def _check_given(
    without: Sequence[str],
    total: int,
    ratios: Sequence[float] | None,
    split_unit: str | None,
) -> None:
    if ratios is not None or split_unit is not None:
        option = "--ratios" if ratios is not None else "--split-unit"
        raise SourceError(
            f"{option}: the source gives the splits itself, and they are kept; leave "
            "the option out"
        )
    if without:
        raise SourceError(
            f"the source gives a split to some images and none to {len(without)} of "
            f"{total}, first {without[0]}; give it to all or to none"
        )


def _check_cases(listing: Listing) -> None:
    nameless = [r["path"] for r in listing.records if not r.get("case")]
    if nameless:
        raise SourceError(
            "a split by case needs the case of every image, but it is not known for "
            f"{len(nameless)} of {len(listing.records)} images, first {nameless[0]}. "
            "Ways out: --case-pattern REGEX, where the layout takes it, reads the case "
            "from the file name; --split-unit image splits by image (images of one "
            "person then come on both sides); --split-unit none makes no splits"
        )
