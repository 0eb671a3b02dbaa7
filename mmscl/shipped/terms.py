"""The terms of the public data sets, for the cards of models trained on them."""

from __future__ import annotations

from typing import NamedTuple


class DataTerms(NamedTuple):
    """Of one laboratory's data.

    Attributes:
        name: Of the set.
        terms: What its owners allow.
        source: Whom to cite.
    """

    name: str
    terms: str
    source: str


_POLETTI = (
    "Poletti, Grisan, Ruggeri: A modular framework for the automatic classification of "
    "chromosomes in Q-band images, Computer Methods and Programs in Biomedicine, 2012"
)

#: Site, as in the manifest -> terms.
TERMS = dict(
    pki3=DataTerms(
        "Pki-3 (BioImLab, University of Padova)",
        "free for research with citation",
        _POLETTI,
    ),
    bioimlab=DataTerms(
        "BioImLab (University of Padova)", "free for research with citation", _POLETTI
    ),
    datanew=DataTerms(
        "DataNew crops",
        "free for research with citation",
        "the repository Pampaj7/ChromosomesRecognition on GitHub",
    ),
)
