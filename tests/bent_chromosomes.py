"""Drawn chromosomes that are bent in a known way, and shapes without an axis."""

from __future__ import annotations

import cv2
import numpy as np

from mmscl.datasets.drawing import Drawing
from mmscl.datasets.metaphase import draw_crop_with_truth


def bend(degrees: float, where: float = 0.5, sharp: float = 0.05):
    """Two straight arms that meet at a share of the length, under an angle."""
    half = np.deg2rad(degrees) / 2

    def turn(u: np.ndarray) -> np.ndarray:
        turned = half * np.tanh((u - where) / sharp)
        return turned - turned.mean()

    return turn


def draw(
    kind: str, degrees: float = 0.0, where: float = 0.5, sharp: float = 0.05
) -> Drawing:
    """One drawn chromosome; its bands are the same whatever the bend."""
    turn = bend(degrees, where, sharp)
    return draw_crop_with_truth(11, "A", 0, 0, kind, "1", turn)


def distances(points: np.ndarray, line: np.ndarray) -> np.ndarray:
    """From each point (n, 2) to the nearest of many on a line."""
    places = np.linspace(0, len(line) - 1, 2000)
    index = np.arange(len(line))
    fine = np.stack([np.interp(places, index, part) for part in line.T], axis=1)
    return np.hypot(*(points[:, None] - fine).transpose(2, 0, 1)).min(axis=1)


def ring(radius: int = 14, thick: int = 8) -> np.ndarray:
    image = np.full((50, 50), 255, np.uint8)
    cv2.circle(image, (25, 25), radius, 80, thick)
    return image


def ball(radius: int = 12) -> np.ndarray:
    image = np.full((40, 40), 255, np.uint8)
    cv2.circle(image, (20, 20), radius, 80, -1)
    return image


def rod(height: int = 60, width: int = 13, margin: int = 6) -> np.ndarray:
    """Upright, with bands."""
    rows = 90 + 50 * np.sin(np.arange(height) / 4)
    rod = np.repeat(rows[:, None], width, axis=1).astype(np.uint8)
    return np.pad(rod, margin, constant_values=255)
