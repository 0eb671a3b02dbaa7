"""The cell as a whole: assignment, count calls, ISCN text, confidence.

Works on probabilities and prediction tables, never on a model.
"""

from mmscl.karyotype.alternatives import Alternatives, find_alternatives
from mmscl.karyotype.assignment import NONE, Assignment, assign, assign_each
from mmscl.karyotype.calibration import (
    Calibration,
    calibration_error,
    fit_calibration,
)
from mmscl.karyotype.calls import CaseCall, CellCall, call_case, call_cell, call_reading
from mmscl.karyotype.cells import Cell, check_probabilities, split_cells
from mmscl.karyotype.dispatch import Dispatched, dispatch
from mmscl.karyotype.fitting import fit_model, prior_of_manifest, read_cells
from mmscl.karyotype.iscn import Karyotype, mosaic_text
from mmscl.karyotype.model import CellReading, KaryotypeModel, KaryotypeModelError
from mmscl.karyotype.prior import CountPrior, learn_prior
from mmscl.karyotype.review import (
    RiskCoverage,
    read_risk_coverage,
    review_threshold,
    risk_coverage,
)
from mmscl.karyotype.sizes import (
    SizeModel,
    learn_sizes,
    measure_files,
    measure_sizes,
)

__all__ = [
    "NONE",
    "Alternatives",
    "Assignment",
    "Calibration",
    "CaseCall",
    "Cell",
    "CellCall",
    "CellReading",
    "CountPrior",
    "Dispatched",
    "Karyotype",
    "KaryotypeModel",
    "KaryotypeModelError",
    "RiskCoverage",
    "SizeModel",
    "assign",
    "assign_each",
    "calibration_error",
    "call_case",
    "call_cell",
    "call_reading",
    "check_probabilities",
    "dispatch",
    "find_alternatives",
    "fit_calibration",
    "fit_model",
    "learn_prior",
    "learn_sizes",
    "measure_files",
    "measure_sizes",
    "mosaic_text",
    "prior_of_manifest",
    "read_cells",
    "read_risk_coverage",
    "review_threshold",
    "risk_coverage",
    "split_cells",
]
