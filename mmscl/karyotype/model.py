"""The model that reads the karyotype of a cell: all that is learned, in one JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from mmscl.files import replaced, writing
from mmscl.karyotype.alternatives import find_alternatives
from mmscl.karyotype.assignment import NONE
from mmscl.karyotype.calibration import Calibration
from mmscl.karyotype.cells import check_probabilities
from mmscl.karyotype.iscn import Karyotype
from mmscl.karyotype.prior import CountPrior
from mmscl.karyotype.sizes import SizeModel

FORMAT = "mmscl karyotype 1"


class KaryotypeModelError(ValueError):
    """A file that holds no karyotype model; the message has its path."""


@dataclass(frozen=True)
class CellReading:
    """The types of all crops of one cell.

    Attributes:
        types: Assigned class index of each crop, int64 (n,); `NONE` (24): none of them.
        second: The next-best for each crop, int64 (n,).
        confidence: How sure the assigned type is within the cell, (n,), 0..1.
        review: Crops to look at: unsure, or none of the types; bool (n,).
        single: Calibrated probabilities of each crop by itself, (n, 24).
        margins: What the best assignment with this crop at this type costs more, in
            nats, (n, 25).
        counts_certainty: How sure all counts are, 0..1.
        type_certainty: How sure the count of each type is, (24,).
        complement: The sex complement that explains the cell best.
    """

    types: np.ndarray
    second: np.ndarray
    confidence: np.ndarray
    review: np.ndarray
    single: np.ndarray
    margins: np.ndarray
    counts_certainty: float
    type_certainty: np.ndarray
    complement: str

    @property
    def karyotype(self) -> Karyotype:
        """The counts as assigned."""
        return Karyotype.of_types(self.types)

    @property
    def unplaced(self) -> int:
        """Crops that are none of the types."""
        return int((self.types == NONE).sum())


@dataclass(frozen=True)
class KaryotypeModel:
    """Reads cells. The defaults know no training cells: no calibration, no sizes.

    Attributes:
        prior: Of the counts.
        calibration: Of the classifier; one model belongs to one classifier.
        sizes: Of the chromosomes within a cell; None: not used.
        sharpness: The margins of a crop's types are multiplied by it before they
            become a confidence; fitted as the temperature is.
        review_below: Confidence below which a crop is for review.
    """

    prior: CountPrior = field(default_factory=CountPrior)
    calibration: Calibration = field(default_factory=Calibration)
    sizes: SizeModel | None = None
    sharpness: float = 1.0
    review_below: float = 0.95

    @property
    def uses_sizes(self) -> bool:
        """Whether cells are read with the sizes of their chromosomes."""
        return self.sizes is not None and self.calibration.size_weight > 0

    def calibrated(
        self, probabilities: np.ndarray, sizes: np.ndarray | None = None
    ) -> np.ndarray:
        """Probabilities (n, 24) of the crops of one cell, each by itself.

        Args:
            probabilities: Scores of the classifier (n, 24).
            sizes: As :func:`mmscl.karyotype.measure_sizes` gives them (n, 2); needed
                if the model uses size.

        Raises:
            ValueError: Sizes are needed and not given.
        """
        ratios = self._size_ratios(probabilities, sizes)
        return self.calibration.apply(probabilities, ratios)

    def _size_ratios(
        self, probabilities: np.ndarray, sizes: np.ndarray | None
    ) -> np.ndarray | None:
        """Evidence of the sizes (n, 25); None: not used."""
        if self.sizes is None or not self.uses_sizes:
            return None
        if sizes is None:
            raise ValueError(
                "sizes: this model uses the sizes of the chromosomes; measure them "
                "with mmscl.karyotype.measure_sizes, or take a model that was fitted "
                "without them."
            )
        return self.sizes.log_ratios(sizes, probabilities)

    def read(
        self, probabilities: np.ndarray, sizes: np.ndarray | None = None
    ) -> CellReading:
        """Read one cell.

        Args:
            probabilities, sizes: As in :meth:`calibrated`.

        Raises:
            PredictionTableError: Values that are no probabilities.
            ValueError: Sizes are needed and not given.
        """
        scores = check_probabilities(probabilities)
        ratios = self._size_ratios(scores, sizes)
        single = self.calibration.apply(scores, ratios)
        none = None
        if ratios is not None:
            none = self.calibration.none_ratios(scores, ratios)
        found = find_alternatives(single, self.prior, none)
        types, rows = found.best.types, np.arange(len(single))
        confidence = 1 / np.exp(-self.sharpness * found.margins).sum(axis=1)
        others = found.margins.copy()
        others[rows, types] = np.inf
        return CellReading(
            types=types,
            second=others.argmin(axis=1),
            confidence=confidence,
            review=(confidence < self.review_below) | (types == NONE),
            single=single,
            margins=found.margins,
            counts_certainty=found.counts_certainty,
            type_certainty=found.type_certainty,
            complement=found.best.complement,
        )

    def write(self, path: str | Path) -> None:
        """Write the JSON, whole or not at all.

        Raises:
            OutputError: It cannot be written.
        """
        sizes = self.sizes
        content = dict(
            format=FORMAT,
            prior=asdict(self.prior),
            calibration=asdict(self.calibration),
            sizes=None
            if sizes is None
            else dict(
                means=sizes.means.tolist(), covariances=sizes.covariances.tolist()
            ),
            sharpness=self.sharpness,
            review_below=self.review_below,
        )
        with writing(path), replaced(path) as part:
            part.write_text(json.dumps(content, indent=1) + "\n", "utf-8")

    @classmethod
    def load(cls, path: str | Path) -> KaryotypeModel:
        """Read what :meth:`write` wrote.

        Raises:
            FileNotFoundError: There is no such file.
            KaryotypeModelError: It is another file, or values are out of range.
        """
        if not Path(path).is_file():
            raise FileNotFoundError(
                f"{path}: no such karyotype model; tools/evaluate_karyotypes.py --fit "
                "writes one."
            )
        try:
            content = json.loads(Path(path).read_text("utf-8"))
            if content["format"] != FORMAT:
                raise ValueError(f"its format is {content['format']!r}")
            return cls(
                CountPrior(**_with(content["prior"], gain=tuple)),
                Calibration(**content["calibration"]),
                _sizes_of(content["sizes"]),
                float(content["sharpness"]),
                float(content["review_below"]),
            )
        except (ValueError, TypeError, KeyError) as error:
            raise KaryotypeModelError(
                f"{path}: expected a karyotype model ({FORMAT!r}), as "
                f"KaryotypeModel.write makes it; {type(error).__name__}: {error}"
            ) from error


def _with(content: dict, **convert: type) -> dict:
    """The same with some values converted."""
    return content | {name: kind(content[name]) for name, kind in convert.items()}


def _sizes_of(content: dict | None) -> SizeModel | None:
    if content is None:
        return None
    means, covariances = (
        np.array(content[name], np.float64) for name in ("means", "covariances")
    )
    if means.shape != (NONE, 2) or covariances.shape != (NONE, 2, 2):
        raise ValueError(f"sizes of shape {means.shape} and {covariances.shape}")
    return SizeModel(means, covariances)
