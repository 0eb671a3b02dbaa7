"""Where the augmentations get their random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

Range = tuple[float, float]


def generator(results: dict) -> np.random.Generator:
    """The generator of a sample: ``results['rng']``, else numpy's global stream.

    The fallback is a Generator on top of numpy's global bit generator, not a copy of
    it: it holds no state of its own. So ``np.random.seed``, mmengine's
    ``set_random_seed`` and mmengine's seeding of the workers govern all augmentations,
    in every process and at once, and two runs with one seed and one number of workers
    draw the same.
    """
    rng = results.get("rng")
    if rng is None:
        # 0.2 us: cheaper than any seeding of a generator of our own.
        shared = np.random.get_bit_generator()  # type: ignore[attr-defined]
        return np.random.Generator(shared)
    return rng


def happens(rng: np.random.Generator, prob: float, count: int | None = None) -> Any:
    """True with probability ``prob``; 0 and 1 draw nothing.

    Args:
        rng: Where the numbers come from.
        prob: Probability, 0..1.
        count: How many: bool (count,). None gives one bool.
    """
    if 0 < prob < 1:
        return rng.random(count) < prob
    return prob >= 1 if count is None else np.full(count, prob >= 1)


def draw(rng: np.random.Generator, limits: Range, count: int | None = None) -> Any:
    """Uniform in [low, high], a float or (count,); equal limits draw nothing."""
    low, high = limits
    if low == high:
        return low if count is None else np.full(count, low)
    return low + (high - low) * rng.random(count)


def draw_ratio(
    rng: np.random.Generator, limits: Range, count: int | None = None
) -> Any:
    """Uniform on the logarithm: halving is as likely as doubling. Limits > 0."""
    low, high = limits
    if low == high:
        return draw(rng, limits, count)
    return low * (high / low) ** rng.random(count)


def as_range(name: str, value: float | Range, around: float = 0.0) -> Range:
    """(low, high) of an argument: a number a means (around - a, around + a).

    Raises:
        ValueError: Not a number or an ordered pair of numbers.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = around - abs(value), around + abs(value)
    elif isinstance(value, tuple | list) and len(value) == 2:
        low, high = (float(v) for v in value)
    else:
        raise ValueError(
            f"{name}: expected a number or a pair (low, high), got {value!r}"
        )
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise ValueError(f"{name}: expected low <= high, got ({low}, {high})")
    return low, high


def check_within(name: str, limits: Range, low: float, high: float) -> Range:
    """``limits`` if they lie in [low, high].

    Raises:
        ValueError: They do not.
    """
    if not low <= limits[0] <= limits[1] <= high:
        raise ValueError(f"{name}: expected values in [{low}, {high}], got {limits}")
    return limits


def check_probability(name: str, value: float) -> float:
    """``value`` if it is a probability.

    Raises:
        ValueError: It is not in [0, 1].
    """
    if not 0 <= value <= 1:
        raise ValueError(f"{name}: expected a probability in [0, 1], got {value!r}")
    return float(value)
