"""Stain, exposure, focus and camera noise: changes of grey levels alone."""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from mmpretrain.registry import TRANSFORMS

from mmscl.datasets.transforms.batching import BatchTransform
from mmscl.datasets.transforms.loading import (
    add_backgrounds,
    background_of,
    grey_image,
)
from mmscl.datasets.transforms.randomness import (
    Range,
    as_range,
    check_probability,
    check_within,
    draw,
    draw_ratio,
    generator,
    happens,
)
from mmscl.registry import register

_LEVELS = np.arange(256.0)
# Below this sigma (pixels) the kernel has one entry that counts.
LEAST_BLUR = 0.3


class Tone(NamedTuple):
    """What GreyJitter does to an image: numbers for one, arrays (B,) for a batch."""

    #: Do the factors and the exponent act?
    on: Any
    brightness: Any
    contrast: Any
    gamma: Any
    #: Standard deviations in pixels and in grey levels; 0 does nothing.
    blur: Any
    noise: Any
    #: Seed of the noise, cut to a whole number.
    seed: Any


@register(TRANSFORMS)
class GreyJitter(BatchTransform):
    """Vary contrast, brightness and gamma, then blur, then add noise.

    Tone is one look-up table of 256 levels. With ``keep_background`` contrast and
    gamma act on the distance of a level from the background, so that the canvas stays
    the level it was filled with and no frame appears where the crop was: contrast c
    and gamma g take the relative distance t to c * t ** g. Without it they act on the
    whole picture as torchvision's ColorJitter does (brightness multiplies, contrast
    blends with the mean grey), and gamma takes x / 255 to (x / 255) ** gamma.

    Tone, blur and noise each happen with probability ``prob``. With
    ``keep_background`` noise leaves the pixels that are exactly at the background's
    level as they are: cut-out crops have a flat background. So the order of this
    transform and ChromosomeCanvas is free; before it, it works on fewer pixels, and
    blur is in pixels of the source, the same for every canvas size.

    Args:
        brightness: Share a: factor in 1 - a..1 + a; or (low, high), >= 0. It moves
            the background, so it needs keep_background=False.
        contrast: Share a: factor in 1 - a..1 + a; or (low, high), >= 0.
        gamma: Share a: exponent in 1 / (1 + a)..1 + a; or (low, high), > 0. Drawn
            uniformly on the logarithm. Above 1, with keep_background: paler.
        blur: (low, high), standard deviation of a Gaussian in pixels of the image at
            this point of the pipeline; a number s means 0..s.
        noise: (low, high), standard deviation in grey levels (0..255); a number s
            means 0..s.
        keep_background: See above. Default True.
        prob: Probability of each of tone, blur and noise.

    Raises:
        ValueError: A value out of range; brightness with keep_background.
    """

    def __init__(
        self,
        brightness: float | Range = 0.0,
        contrast: float | Range = 0.0,
        gamma: float | Range = 0.0,
        blur: float | Range = 0.0,
        noise: float | Range = 0.0,
        keep_background: bool = True,
        prob: float = 1.0,
    ) -> None:
        self.brightness = _factors("brightness", brightness)
        self.contrast = _factors("contrast", contrast)
        self.gamma = _gammas(gamma)
        self.blur = _from_zero("blur", blur)
        self.noise = _from_zero("noise", noise)
        self.keep_background = keep_background
        self.prob = check_probability("GreyJitter.prob", prob)
        if keep_background and self.brightness != (1.0, 1.0):
            raise ValueError(
                f"GreyJitter.brightness={brightness!r} moves the background: set "
                "keep_background=False, or vary gamma, which keeps it"
            )
        tones = (self.brightness, self.contrast, self.gamma)
        self._has_tone = any(limits != (1.0, 1.0) for limits in tones)

    def transform(self, results: dict) -> dict:
        """Replace img (H x W uint8) and, where tone moves it, background."""
        image, background = grey_image(results, self), background_of(results)
        tone = self.draw_tone(generator(results))
        table = None
        if tone.on:
            table = self._tables(background, self._mean(image), *tone[1:4])
        self._change(results, table, *tone[4:])
        return results

    def transform_batch(
        self, samples: list[dict], rng: np.random.Generator
    ) -> list[dict]:
        """The same for each sample."""
        return self.apply(samples, self.draw_tone(rng, len(samples)))

    def draw_tone(self, rng: np.random.Generator, count: int | None = None) -> Tone:
        """Random tones of ``count`` images; None gives that of one."""
        return Tone(
            self._happens(rng, self._has_tone, count),
            draw(rng, self.brightness, count),
            draw(rng, self.contrast, count),
            draw_ratio(rng, self.gamma, count),
            draw(rng, self.blur, count) * self._happens(rng, self.blur[1] > 0, count),
            draw(rng, self.noise, count) * self._happens(rng, self.noise[1] > 0, count),
            draw(rng, (0.0, 2.0**31) if self.noise[1] > 0 else (0.0, 0.0), count),
        )

    def _happens(self, rng: np.random.Generator, asked: bool, count: int | None) -> Any:
        return happens(rng, self.prob if asked else 0.0, count)

    def apply(self, samples: list[dict], tones: Tone) -> list[dict]:
        """Change each sample by its entry of ``tones`` (B,)."""
        for sample in samples:
            grey_image(sample, self)
        add_backgrounds(samples)
        tables = self._tables_of(samples, tones)
        rows = zip(*(part.tolist() for part in tones[4:]), strict=True)
        for i, (sample, row) in enumerate(zip(samples, rows, strict=True)):
            self._change(sample, tables.get(i), *row)
        return samples

    def _tables_of(self, samples: list[dict], tones: Tone) -> dict[int, np.ndarray]:
        """Place in the batch -> table, where one acts."""
        chosen = np.flatnonzero(tones.on)
        places = chosen.tolist()
        if not places:
            return {}
        backgrounds = np.array([[samples[i]["background"]] for i in places])
        means = np.array([[self._mean(samples[i]["img"])] for i in places])
        columns = (part[chosen, None] for part in tones[1:4])
        tables = self._tables(backgrounds, means, *columns)
        return dict(zip(places, tables, strict=True))

    def _tables(
        self, background: Any, mean: Any, brightness: Any, contrast: Any, gamma: Any
    ) -> np.ndarray:
        """The new level of each of the 256 levels, uint8.

        Args:
            background: Grey level: a number, or an array (B, 1).
            mean: Mean grey level of the image, likewise.
            brightness, contrast, gamma: Of the tone, likewise.

        Returns:
            (256,), or (B, 256).
        """
        if self.keep_background:
            reach = abs(background - 127.5) + 127.5
            distance = (_LEVELS - background) / reach
            moved = np.abs(distance)
            if self.gamma != (1.0, 1.0):
                moved **= gamma
            levels = background + reach * np.copysign(contrast * moved, distance)
        else:
            mean = brightness * mean
            levels = mean + contrast * (brightness * _LEVELS - mean)
            if self.gamma != (1.0, 1.0):
                levels = 255 * (levels.clip(0, 255) / 255) ** gamma
        return cv2.convertScaleAbs(levels.clip(0, 255)).reshape(levels.shape)

    def _mean(self, image: np.ndarray) -> float:
        """Mean grey level, where the table needs it."""
        return 0.0 if self.keep_background else cv2.mean(image)[0]

    def _change(
        self,
        sample: dict,
        table: np.ndarray | None,
        blur: float,
        noise: float,
        seed: int,
    ) -> None:
        image = sample["img"]
        if table is not None:
            image = cv2.LUT(image, table)
            sample["background"] = table.item(sample["background"])
        if blur >= LEAST_BLUR:
            image = _blur(image, blur)
        if noise > 0:
            noisy = _add_noise(image, noise, seed)
            if self.keep_background:
                mask = (image != sample["background"]).view(np.uint8)
                noisy = cv2.copyTo(noisy, mask, image.copy())
            image = noisy
        sample["img"] = image

    def __repr__(self) -> str:
        names = (
            "brightness",
            "contrast",
            "gamma",
            "blur",
            "noise",
            "keep_background",
            "prob",
        )
        said = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"GreyJitter({said})"


def blur_radius(sigma: float) -> int:
    """Pixels on each side of the middle that a blur of this sigma takes in."""
    return int(2.5 * sigma + 0.5)


def _blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur, sigma in pixels; the border repeats."""
    side = 2 * blur_radius(sigma) + 1
    return cv2.GaussianBlur(image, (side, side), sigma, borderType=cv2.BORDER_REPLICATE)


def _add_noise(image: np.ndarray, sigma: float, seed: int) -> np.ndarray:
    """Gaussian noise, sigma in grey levels, cut to 0..255.

    OpenCV's generator is three times faster than numpy's; it is seeded anew each time
    from ours, so it brings no state of its own.
    """
    cv2.setRNGSeed(int(seed))
    noise = np.empty(image.shape, np.int16)
    cv2.randn(noise, np.zeros(1), np.full(1, sigma))
    return cv2.add(image, noise, dtype=cv2.CV_8U)


def _factors(name: str, value: float | Range) -> Range:
    name = f"GreyJitter.{name}"
    return check_within(name, as_range(name, value, 1.0), 0.0, 100.0)


def _gammas(value: float | Range) -> Range:
    name = "GreyJitter.gamma"
    if isinstance(value, int | float):
        if value < 0:
            raise ValueError(f"{name}: expected a share >= 0, got {value!r}")
        return 1 / (1 + value), 1.0 + value
    return check_within(name, as_range(name, value), 0.01, 100.0)


def _from_zero(name: str, value: float | Range) -> Range:
    name = f"GreyJitter.{name}"
    limits = (0.0, value) if isinstance(value, int | float) else value
    return check_within(name, as_range(name, limits), 0.0, 255.0)
