"""Models that come with their weights: found by name, made by tools/ship_weights.py."""

from mmscl.shipped.store import (
    Committee,
    ShippedModel,
    committee_names,
    find_committee,
    find_shipped,
    load_from_shipped,
    register_shipped,
    shipped_names,
)

__all__ = [
    "Committee",
    "ShippedModel",
    "committee_names",
    "find_committee",
    "find_shipped",
    "load_from_shipped",
    "register_shipped",
    "shipped_names",
]
