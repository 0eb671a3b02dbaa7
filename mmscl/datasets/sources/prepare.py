"""From a layout on disk to ``manifest.csv`` and ``report.md`` in one folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmscl.datasets.manifest import COLUMNS, Manifest
from mmscl.datasets.sources.decode import Progress, decode
from mmscl.datasets.sources.layouts import Layout, find_layout
from mmscl.datasets.sources.listing import Listing, SourceError
from mmscl.datasets.sources.report import Report
from mmscl.datasets.sources.splits import plan_splits
from mmscl.files import replaced

MANIFEST, REPORT = "manifest.csv", "report.md"


@dataclass(frozen=True)
class Prepared:
    """What :func:`prepare` wrote.

    Attributes:
        manifest: The table; ``manifest.source`` is its file.
        report: The report; ``report.summary`` is its first lines.
        folder: Where both are: the ``data_root`` of a config.
    """

    manifest: Manifest
    report: Report
    folder: Path


def prepare(
    layout: str,
    source: str | Path,
    out: str | Path,
    *,
    ratios: Sequence[float] | None = None,
    split_unit: str | None = None,
    site: str | None = None,
    strict: bool = False,
    overwrite: bool = False,
    progress: Progress = iter,
    **options: object,
) -> Prepared:
    """Writes OUT/manifest.csv and OUT/report.md for a data set.

    Nothing is written before every file has been listed, decoded and checked, and both
    files take their place by renaming.

    Args:
        layout: A name in ``LAYOUTS``.
        source: Folder of the data set (or file, where the layout is one).
        out: Folder to write to, made if missing. Paths in the manifest are relative
            to it if the images lie in it or below, otherwise absolute.
        ratios: Shares of train, val and test for splits made here (0.7, 0.1, 0.2).
        split_unit: 'case' (the default), 'image' (by content, where cases are
            unknown), or 'none' for no split column.
        site: Laboratory of all images; default: the layout's own name, for layouts
            that are one data set.
        strict: An unreadable image is an error instead of an entry in the report.
        overwrite: Replace manifest and report that are there.
        progress: Wrapper around the sequence of records while they are decoded.
        options: The layout's own: ``case_pattern``, ``keep_abnormal``. None or False
            counts as not given.

    Raises:
        SourceError, ManifestError, ImageError: All ValueErrors; see the message.
    """
    chosen = find_layout(layout)
    source = Path(os.path.abspath(source))
    folder = Path(os.path.abspath(out))
    outputs = (folder / MANIFEST, folder / REPORT)
    _check_outputs(outputs, source, folder, overwrite)
    given = _check_options(chosen, options)
    listing = chosen.read(source, outputs, **given)
    _set_site(listing, chosen, site)
    splits = plan_splits(listing, ratios, split_unit)
    facts = decode(listing, strict, progress)
    splits.apply(listing, facts)
    manifest = _manifest(listing, outputs[0])
    report = Report(chosen, source, listing, manifest, facts, splits.note)
    _write(manifest, report, folder)
    return Prepared(manifest, report, folder)


def _check_outputs(
    outputs: Sequence[Path], source: Path, folder: Path, overwrite: bool
) -> None:
    if source in outputs:
        raise SourceError(
            f"{source}: --out {folder} would replace the manifest it is made from; "
            "choose another folder"
        )
    if folder.exists() and not folder.is_dir():
        raise SourceError(f"--out {folder}: expected a folder, but it is a file")
    for path in outputs:
        if path.exists() and not overwrite:
            raise SourceError(
                f"{path} is already there; --overwrite replaces it, or choose another "
                "--out"
            )


def _check_options(layout: Layout, options: dict[str, object]) -> dict[str, object]:
    given = {k: v for k, v in options.items() if v is not None and v is not False}
    for name in given:
        if name not in layout.options:
            takes = ", ".join(map(_flag, layout.options)) or "none of its own"
            raise SourceError(
                f"the layout {layout.name!r} takes no option {_flag(name)}; it takes "
                f"{takes}"
            )
    return given


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _set_site(listing: Listing, layout: Layout, site: str | None) -> None:
    named = any(record.get("site") for record in listing.records)
    if named and site is not None:
        raise SourceError(
            f"--site {site}: the source names the site of its images itself; leave the "
            "option out"
        )
    site = layout.site if site is None else site
    if site and not named:
        for record in listing.records:
            record["site"] = site


def _manifest(listing: Listing, path: Path) -> Manifest:
    """Known columns that hold a value, in their order, then the source's own."""
    inside = listing.root == path.parent or path.parent in listing.root.parents
    base = listing.root.relative_to(path.parent) if inside else listing.root
    records = [
        {**record, "path": (base / record["path"]).as_posix()}
        for record in listing.records
    ]
    names = dict.fromkeys((*COLUMNS, *(name for row in records for name in row)))
    columns = {name: [row.get(name, "") for row in records] for name in names}
    return Manifest({k: v for k, v in columns.items() if any(v)}, source=path)


def _write(manifest: Manifest, report: Report, folder: Path) -> None:
    with replaced(folder / REPORT) as part:
        part.write_text(report.markdown(), encoding="utf-8")
        manifest.write(folder / MANIFEST)
