"""Crops to predict, from wherever they come: a table, a folder, a list, a data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mmscl.datasets.chromosome import ChromosomeDataset
from mmscl.datasets.columns import rows_by_cell
from mmscl.datasets.images import ImageError, to_grey
from mmscl.datasets.manifest import Manifest, ManifestError
from mmscl.datasets.sources.listing import IMAGE_SUFFIXES, Listing, SourceError

#: Folder, image file or manifest; an array, or several paths and arrays; a data set.
Inputs = str | Path | np.ndarray | Sequence[str | Path | np.ndarray] | ChromosomeDataset
_TEXTS = ("case", "cell", "site")


@dataclass(frozen=True)
class Crops:
    """B crops, none of them read yet.

    Attributes:
        source: Where they come from, for messages.
        path, case, cell, site: Strings (B,), '' where not known. A crop that is no file
            is called by its place: 'inputs[3]'.
        labels: True class index 0..23, int64 (B,); -1 where not known.
        sample: Row -> dict with `img_path`, and `img` if it is no file, as a pipeline
            takes it.
        cells_measured: Whether the samples come with their `cell_size`.
        other_files: Files of a folder that are no images.
    """

    source: str
    path: np.ndarray
    case: np.ndarray
    cell: np.ndarray
    site: np.ndarray
    labels: np.ndarray
    sample: Callable[[int], dict[str, Any]]
    cells_measured: bool = False
    other_files: int = 0

    def __len__(self) -> int:
        return len(self.path)

    def take(self, rows: np.ndarray) -> Crops:
        """The crops of some rows: integers (m,)."""
        columns = ("path", "case", "cell", "site", "labels")
        return replace(
            self,
            sample=lambda row: self.sample(int(rows[row])),
            **{name: getattr(self, name)[rows] for name in columns},
        )

    def group_by_cell(self, one_cell: bool, feature: str) -> list[np.ndarray]:
        """Rows of each cell, in the order of the first row of each.

        Args:
            one_cell: All of them are crops of one cell.
            feature: What needs the cells, for the message.

        Raises:
            ManifestError: The cell of a crop is not known, or `one_cell` is not so.
        """
        unknown = np.flatnonzero((self.case == "") | (self.cell == ""))
        if one_cell or not unknown.size:
            cells = rows_by_cell(self.case, self.cell)
            if one_cell and len(cells) > 1:
                raise ManifestError(
                    f"{self.source}: one_cell=True (--one-cell), but the columns case "
                    f"and cell tell {len(cells)} cells apart; drop one_cell"
                )
            return cells
        raise ManifestError(
            f"{feature} needs to know which crops are of one cell, but {self.source} "
            f"does not tell it for {unknown.size} of {len(self)} crops, first "
            f"{self.path[unknown[0]]}. If all of them are of one cell, say one_cell="
            "True (--one-cell); else give a table (CSV) with the columns path, case "
            "and cell, each filled in"
        )


def find_crops(inputs: Inputs | Crops, split: str | None = None) -> Crops:
    """The crops that are meant.

    Args:
        inputs: A folder with a manifest.csv, or of image files (also in folders below
            it, sorted by path); a manifest: path of a CSV file with the column `path`,
            all others optional; path of an image file; an array, H x W uint8 or BGR;
            a list of paths and arrays; a ChromosomeDataset, whose pipeline is not used;
            crops that were found before.
        split: Rows of a manifest to take; None takes all.

    Raises:
        FileNotFoundError: No such file or folder, or a folder without images.
        ImageError: A folder that cannot be listed.
        ValueError: An empty list.
        ManifestError: A manifest that cannot be used, or a split without one.
        TypeError: Inputs of another kind.
    """
    if isinstance(inputs, Crops):
        return inputs
    table = manifest_of(inputs)
    if table is not None:
        data = _Table(table.name, str(table.parent), split)
        return _of_dataset(data, str(table))
    if split is not None:
        raise ManifestError(
            f"split={split!r} (--split) chooses rows of a manifest, but the input "
            f"{_name(inputs)} is none"
        )
    if isinstance(inputs, ChromosomeDataset):
        return _of_dataset(inputs, inputs.ann_file or type(inputs).__name__)
    if isinstance(inputs, (str, Path)) and Path(inputs).is_dir():
        return _of_folder(Path(inputs))
    if isinstance(inputs, (str, Path)) and not Path(inputs).exists():
        raise FileNotFoundError(f"{inputs}: no such file or folder of crops")
    if isinstance(inputs, (str, Path)):
        return _of_list([inputs], str(inputs))
    if isinstance(inputs, np.ndarray):
        return _of_list([inputs], "the array")
    if not isinstance(inputs, (list, tuple)):
        raise TypeError(
            "inputs: expected a folder, a manifest, an image file, an array, a list of "
            f"paths or arrays, or a ChromosomeDataset, got {type(inputs).__name__}"
        )
    if not inputs:
        raise ValueError("inputs: an empty list; there is nothing to predict")
    return _of_list(inputs, "the list")


class _Table(ChromosomeDataset):
    """Rows of a manifest in which types need not be known."""

    def __init__(self, ann_file: str, data_root: str, split: str | None) -> None:
        super().__init__(ann_file, data_root, split)

    def load_manifest(self) -> Manifest:
        manifest = Manifest.read(self.ann_file, typed=False)
        if not len(manifest):
            raise ManifestError(f"{self.ann_file}: the table has no rows")
        return manifest.select(split=self.split)


def manifest_of(inputs: Inputs) -> Path | None:
    """The manifest that inputs name: a CSV, or manifest.csv of a folder; else None."""
    if not isinstance(inputs, (str, Path)):
        return None
    path = Path(inputs).expanduser()
    if path.suffix.lower() == ".csv":
        return path
    return path / "manifest.csv" if (path / "manifest.csv").is_file() else None


def _of_dataset(data: ChromosomeDataset, source: str) -> Crops:
    data.full_init()
    manifest = data.manifest
    empty = np.full(len(data), "")
    case, cell, site = (manifest[n] if n in manifest else empty for n in _TEXTS)
    return Crops(
        source=source,
        path=np.array([data.path_of(row) for row in range(len(data))]),
        case=case,
        cell=cell,
        site=site,
        labels=manifest.labels,
        sample=data.get_data_info,
        cells_measured=bool(data.cell_size),
    )


def _of_folder(folder: Path) -> Crops:
    listing = Listing(folder)
    try:
        images = listing.image_paths()
    except SourceError as error:
        raise ImageError(str(error)) from error
    if not images:
        raise FileNotFoundError(
            f"{folder}: no manifest.csv and no image file in it or below (looked for "
            f"{' '.join(IMAGE_SUFFIXES)}; {len(listing.left_out)} other files)"
        )
    crops = _of_list([str(folder / image) for image in images], str(folder))
    return replace(crops, other_files=len(listing.left_out))


def _of_list(inputs: Sequence[str | Path | np.ndarray], source: str) -> Crops:
    def sample(row: int) -> dict[str, Any]:
        given = inputs[row]
        info: dict[str, Any] = dict(img_path=paths[row], sample_idx=row)
        if isinstance(given, np.ndarray):
            try:
                info["img"] = to_grey(given)
            except ValueError as error:
                raise ImageError(f"{paths[row]}: {error}") from error
        return info

    for row, given in enumerate(inputs):
        if not isinstance(given, (str, Path, np.ndarray)):
            raise TypeError(
                f"inputs[{row}]: expected a path or an array, got a "
                f"{type(given).__name__}"
            )
    paths = [
        f"inputs[{row}]" if isinstance(given, np.ndarray) else str(given)
        for row, given in enumerate(inputs)
    ]
    empty = np.full(len(paths), "")
    labels = np.full(len(paths), -1)
    return Crops(source, np.array(paths), empty, empty, empty, labels, sample)


def _name(inputs: Inputs) -> str:
    return str(inputs) if isinstance(inputs, (str, Path)) else type(inputs).__name__
