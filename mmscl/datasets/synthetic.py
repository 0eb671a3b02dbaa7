"""The embedded data set: karyotypes drawn from the hg38 cytobands (docs/data.md)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmpretrain.registry import DATASETS

from mmscl.datasets.chromosome import ChromosomeDataset
from mmscl.datasets.manifest import SPLITS, Manifest, split_by_case
from mmscl.datasets.metaphase import draw_crop, draw_karyotype, get_site
from mmscl.registry import register

LAYOUTS = ("manifest", "ogh")
_OGH_CANVAS = 256  # pixels, the size of the paper's images


@register(DATASETS)
class SyntheticKaryotypes(ChromosomeDataset):
    """G-banded metaphase cells drawn in memory; no file is read or written.

    A test bed that needs no download, not evidence about real chromosomes. Case
    number i of a site and seed is always the same person, so that more cases or
    cells add crops and change none. All crops are drawn at ``full_init``, about
    12,000 a minute on one core, and shared by forked workers.

    Args:
        cases: Number of cases (patients), over all splits.
        cells_per_case: Number of metaphase cells of each case.
        site: 'A', or 'B' for the "other laboratory": smaller, paler, more blurred
            and more condensed, cut out with more background.
        seed: Seed of everything drawn.
        split: 'train', 'val' or 'test', by case as everywhere (about 70, 10 and
            20 %); None takes all cases.
        abnormal_rate: Share of cases with a numerical abnormality: trisomy 21, 18 or
            13, 45,X, XXY, XYY, XXX.
        pipeline: Transforms.
        types: Chromosome types to keep; None keeps all.
        **kwargs: ``cell_size``, ``test_mode``, ``metainfo``, ``max_refetch`` and
            ``lazy_init`` of :class:`ChromosomeDataset`.

    Raises:
        ValueError: A number is out of its range, an unknown site, or a split that no
            case falls into.

    Example:
        >>> dataset = SyntheticKaryotypes(cases=1, cells_per_case=1, abnormal_rate=0.0)
        >>> len(dataset)
        46
    """

    def __init__(
        self,
        cases: int = 40,
        cells_per_case: int = 2,
        site: str = "A",
        seed: int = 0,
        split: str | None = None,
        abnormal_rate: float = 0.05,
        pipeline: Sequence = (),
        types: Sequence[str] | None = None,
        **kwargs,
    ) -> None:
        self._drawing: dict[str, Any] = dict(
            cases=cases,
            cells_per_case=cells_per_case,
            site=site,
            seed=seed,
            abnormal_rate=abnormal_rate,
        )
        _check(**self._drawing)
        for name in ("ann_file", "cache", "data_root", "sites"):
            if name in kwargs:
                raise ValueError(
                    f"{type(self).__name__}.{name}: drawn crops come from no folder "
                    "and always stay in memory; drop this setting, or use "
                    "type='ChromosomeDataset' to read files"
                )
        super().__init__(
            ann_file="",
            split=split,
            pipeline=pipeline,
            types=types,
            cache=True,
            **kwargs,
        )

    def load_manifest(self) -> Manifest:
        """The crops of all selected cases, to be drawn.

        Raises:
            ValueError: No case falls into ``split``.
        """
        manifest = karyotype_manifest(**self._drawing)
        if self.split is not None and self.split in SPLITS:
            present = np.unique(manifest["split"]).tolist()
            if self.split not in present:
                raise ValueError(
                    f"split={self.split!r} of {type(self).__name__} is empty: the "
                    f"{self._drawing['cases']} cases fall into {present}. Raise "
                    "`cases`, change `seed`, or take split=None."
                )
        return manifest.select(split=self.split, types=self.types)

    def load_crop(self, index: int) -> np.ndarray:
        """Draw the crop of a row, H x W uint8."""
        return _draw_row(self.manifest, index, self._drawing["seed"])


def karyotype_manifest(
    cases: int, cells_per_case: int, site: str, seed: int, abnormal_rate: float
) -> Manifest:
    """One row a crop, in order of case, cell and type; all columns filled.

    Case ids are ``<site><seed>-<number>``, cells '1', '2', ...; paths are
    ``<case>/<cell>/<type>_<homolog>.png``, unique also among several sites.
    """
    names = ("type", "case", "cell", "homolog")
    rows = []
    for number in range(cases):
        case = f"{site}{seed}-{number:04d}"
        karyotype = draw_karyotype(seed, site, number, abnormal_rate)
        for cell in range(1, cells_per_case + 1):
            rows += [(kind, case, str(cell), homolog) for kind, homolog in karyotype]
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    paths = [
        f"{case}/{cell}/{kind}_{homolog}.png" for kind, case, cell, homolog in rows
    ]
    return Manifest(
        {
            "path": paths,
            **columns,
            "polarity": ["up"] * len(rows),
            "site": [site] * len(rows),
            "split": split_by_case(columns["case"]),
        },
        source="synthetic karyotypes",
    )


def write_karyotypes(
    out: str | Path,
    site: str = "A",
    cases: int = 4,
    cells_per_case: int = 1,
    seed: int = 0,
    layout: str = "manifest",
    canvas: int | None = None,
    abnormal_rate: float = 0.05,
) -> Path:
    """Draw the same crops to disk: PNG files and ``manifest.csv`` in ``out``.

    Args:
        out: Folder, made if missing.
        site, cases, cells_per_case, seed, abnormal_rate: As in
            :class:`SyntheticKaryotypes`.
        layout: 'manifest': ``<case>/<cell>/<type>_<homolog>.png``, tight crops; 'ogh':
            the paper's, with the split's folder above and a white canvas of 256.
        canvas: Side of a white square canvas in whose centre each crop is put; None
            is 256 for 'ogh' and no canvas for 'manifest'.

    Returns:
        Path of the manifest, whose paths are relative to ``out``.

    Raises:
        ValueError: An unknown layout, or a canvas that a crop does not fit into.
        OSError: A file cannot be written.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"layout: expected one of {LAYOUTS}, got {layout!r}.")
    drawing: dict[str, Any] = dict(
        cases=cases,
        cells_per_case=cells_per_case,
        site=site,
        seed=seed,
        abnormal_rate=abnormal_rate,
    )
    _check(**drawing)
    manifest = karyotype_manifest(**drawing)
    if layout == "ogh":
        canvas = canvas or _OGH_CANVAS
        paths = [
            f"{split}/{path}"
            for split, path in zip(manifest["split"], manifest["path"], strict=True)
        ]
        columns = {name: manifest[name] for name in manifest.columns}
        manifest = Manifest(columns | {"path": paths}, manifest.source)
    out = Path(out)
    for index, path in enumerate(manifest["path"]):
        crop = _draw_row(manifest, index, seed)
        target = out / str(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not cv2.imwrite(
            str(target), crop if canvas is None else _centre(crop, canvas)
        ):
            raise OSError(f"{target}: cannot be written.")
    manifest.write(out / "manifest.csv")
    return out / "manifest.csv"


def _draw_row(manifest: Manifest, index: int, seed: int) -> np.ndarray:
    """The crop of a row of :func:`karyotype_manifest`."""
    return draw_crop(
        seed,
        str(manifest["site"][index]),
        int(manifest["case"][index].rpartition("-")[2]),
        int(manifest["cell"][index]) - 1,
        str(manifest["type"][index]),
        str(manifest["homolog"][index]),
    ).image


def _centre(crop: np.ndarray, side: int) -> np.ndarray:
    """The crop in the centre of a white side x side canvas."""
    height, width = crop.shape
    if max(crop.shape) > side:
        raise ValueError(
            f"canvas: a crop of {height} x {width} pixels does not fit into {side} x "
            f"{side}; choose at least {max(crop.shape)}."
        )
    square = np.full((side, side), 255, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = crop
    return square


def _check(
    cases: int, cells_per_case: int, site: str, seed: int, abnormal_rate: float
) -> None:
    """Stop at settings that cannot be drawn; the names are those of the config."""
    get_site(site)
    for name, value, least in (
        ("cases", cases, 1),
        ("cells_per_case", cells_per_case, 1),
        ("seed", seed, 0),
    ):
        if not isinstance(value, int) or value < least:
            raise ValueError(f"{name}: expected an int >= {least}, got {value!r}.")
    if not 0.0 <= abnormal_rate <= 1.0:
        raise ValueError(
            f"abnormal_rate: expected a share of cases in 0..1, got {abnormal_rate!r}."
        )
