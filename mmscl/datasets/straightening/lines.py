"""Lines of points in the plane: length, direction, equal steps."""

from __future__ import annotations

import numpy as np


def length_of(line: np.ndarray) -> float:
    """Length of a line through points (n, 2)."""
    steps = line[1:] - line[:-1]
    return float(np.sqrt((steps * steps).sum(axis=1)).sum())


def directions_of(line: np.ndarray) -> np.ndarray:
    """Unit vectors along a line (n, 2), from the neighbours of each point."""
    along = np.empty_like(line)
    along[1:-1] = line[2:] - line[:-2]
    along[0], along[-1] = line[1] - line[0], line[-1] - line[-2]
    return along / np.maximum(np.hypot(*along.T), 1e-9)[:, None]


def resample(line: np.ndarray, count: int) -> np.ndarray:
    """Equidistant points (count, 2) on a line (n, 2), its ends among them."""
    arc = np.hypot(*(line[1:] - line[:-1]).T).cumsum()
    arc = np.concatenate([[0.0], arc])
    places = np.linspace(0.0, arc[-1], count)
    return np.stack([np.interp(places, arc, part) for part in line.T], axis=1)
