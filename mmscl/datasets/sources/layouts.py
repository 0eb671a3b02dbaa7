"""The layouts by name: what each looks like, its reader, the options it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mmscl.datasets.sources import (
    bioimlab,
    cir,
    class_folders,
    datanew,
    ogh,
    pki3,
    scl_json,
)
from mmscl.datasets.sources.listing import Listing, SourceError


@dataclass(frozen=True)
class Layout:
    """One way in which a data set lies on disk.

    Attributes:
        name: As given on the command line.
        files: How its files are named, for help and messages.
        read: ``read(source, ignore, **options) -> Listing``.
        site: Laboratory written to the manifest unless the user names one; empty for
            layouts that are no one data set.
        options: Names of the options its reader takes.
        canvas: (height, width) every image should have, or None.
    """

    name: str
    files: str
    read: Callable[..., Listing]
    site: str = ""
    options: tuple[str, ...] = ()
    canvas: tuple[int, int] | None = None


_ALL = (
    Layout(
        "folder",
        "<class>/<image> or <split>/<class>/<image>; 1..22/X/Y, 1..24, 0..23, chr1..",
        class_folders.read_folder,
        options=("case_pattern",),
    ),
    Layout("pki3", pki3.EXPECTED, pki3.read_pki3, site="pki3"),
    Layout("bioimlab", bioimlab.EXPECTED, bioimlab.read_bioimlab, site="bioimlab"),
    Layout("datanew", datanew.EXPECTED, datanew.read_datanew, site="datanew"),
    Layout("cir", cir.EXPECTED, cir.read_cir, site="cir", options=("case_pattern",)),
    Layout(
        "chromosomenet",
        "<class 0..23>/<image>",
        class_folders.read_chromosomenet,
        site="chromosomenet",
        options=("case_pattern",),
    ),
    Layout(
        "ogh",
        f"{ogh.EXPECTED}, or a manifest CSV",
        ogh.read_ogh,
        site="ogh",
        canvas=(256, 256),
    ),
    Layout(
        "scl-json",
        "train.json, val.json, test.json, or one JSON file",
        scl_json.read_scl_json,
        options=("keep_abnormal",),
    ),
)
LAYOUTS = {layout.name: layout for layout in _ALL}


def find_layout(name: str) -> Layout:
    """The layout of that name.

    Raises:
        SourceError: There is none; the message lists those that exist.
    """
    if name not in LAYOUTS:
        raise SourceError(
            f"unknown layout {name!r}; there are {', '.join(LAYOUTS)} (docs/data.md "
            "shows how the files of each are named)"
        )
    return LAYOUTS[name]
