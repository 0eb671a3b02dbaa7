"""The rows of a folder of results: a crop, a cell, a case."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CropRow:
    """One crop: a row of predictions.csv.

    Attributes:
        crop: Number of the row, 0, 1, ...; also the name of its picture.
        path: Of the source file, relative to the input where it lies below it.
        case, cell, site: Names; site '' where not known.
        type: True type if the input tells it, else ''.
        best: Likeliest type of the crop by itself.
        best_score: Its calibrated probability, 0..1.
        assigned: Type within the cell, 1 .. 22, X, Y; '': none of them (the tray).
        second: Next best within the cell; '' is none of the types.
        confidence: How sure `assigned` is within the cell, 0..1.
        polarity: 'up' or 'down': where the short arm is in the source file; '' where
            it is not known. The picture is shown with the short arm up.
        polarity_score: How sure the polarity is, 0.5..1; None where not known.
        needs_review: Whether to look at it twice.
        why: The reasons, joined by '; '; '' where there is none.
        length: Share of the total length of its cell's chromosomes, 0..1; None where it
            could not be measured.
        centromere_index: Of the chromosome as shown: from its upper tip, a share of its
            length, 0..1; None where none was found.
        length_px, centromere_row: In pixels and as a row of the picture; None likewise.
        prototypes: Nearest types by the training's mean embeddings with the cosine,
            '4 0.91, 5 0.85'; '' where the model has no prototypes.
        look_alikes: Numbers of the surely read crops that look most like it, '12 87 3';
            '' where none were looked for.
    """

    crop: int
    path: str
    case: str
    cell: str
    site: str
    type: str
    best: str
    best_score: float
    assigned: str
    second: str
    confidence: float
    polarity: str
    polarity_score: float | None
    needs_review: bool
    why: str
    length: float | None
    centromere_index: float | None
    length_px: float | None = None
    centromere_row: float | None = None
    prototypes: str = ""
    look_alikes: str = ""


@dataclass(frozen=True)
class CellRow:
    """One cell: a row of cells.csv.

    Attributes:
        case, cell: Names; together they are the cell's own.
        crops: How many were read.
        left_out: Files that are no crop of a chromosome, or could not be read.
        placed, unplaced: How many of them have a type, and how many are none of them.
        karyotype: ISCN text of the counts.
        certainty: Of all counts, 0..1.
        needs_review: Crops to look at twice.
        warnings: Joined by '; '.
        karyogram: Name of its files in karyograms/, without ending.
    """

    case: str
    cell: str
    crops: int
    left_out: int
    placed: int
    unplaced: int
    karyotype: str
    certainty: float
    needs_review: int
    warnings: str
    karyogram: str


@dataclass(frozen=True)
class CaseRow:
    """One case: a row of cases.csv.

    Attributes:
        case: Name.
        cells: How many were read.
        karyotype: ISCN text, clonal changes alone.
        votes: What its cells are, the commonest first: '46,XX: 3 | 45,X: 1'.
        certainty: Of the count that the cells support least, 0..1.
        warnings: Joined by '; '.
    """

    case: str
    cells: int
    karyotype: str
    votes: str
    certainty: float
    warnings: str
