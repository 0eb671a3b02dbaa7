"""Decoding, grey levels, background and outline of a crop."""

from __future__ import annotations

import os
import stat
import struct
import threading

import cv2
import numpy as np
import pytest

from mmscl.datasets.images import (
    ImageError,
    find_background,
    foreground_mask,
    read_crop,
    to_grey,
)


def crop(background: int = 255, shape: tuple[int, int] = (40, 30)) -> np.ndarray:
    """A banded rectangle with a margin of 5 pixels on a flat background."""
    image = np.full(shape, background, np.uint8)
    rows = np.arange(shape[0] - 10)
    bands = 60 + 80 * (rows // 4 % 2)
    image[5:-5, 5:-5] = bands[:, None]
    return image


def write_short_tiff(path, image: np.ndarray) -> None:
    """A TIFF that declares two strips of which only the first is in the file.

    The header promises a second strip beyond the end, as the 'DataNew' files do, and
    holds a tag of the vendor's own, about which OpenCV warns.
    """
    height, width = image.shape
    data = image.tobytes()
    tags = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (277, 3, 1, 1),
        (278, 4, 1, height),
        (33333, 3, 1, 1),
    ]
    offsets_at = 8 + 2 + 12 * (len(tags) + 2) + 4
    counts_at, data_at = offsets_at + 8, offsets_at + 16
    tags += [(273, 4, 2, offsets_at), (279, 4, 2, counts_at)]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    header = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries
    strips = struct.pack("<I4I", 0, data_at, data_at + len(data), len(data), len(data))
    path.write_bytes(header + strips + data)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tiff"])
def test_grey_files_come_back_as_written(tmp_path, suffix):
    path = tmp_path / f"crop{suffix}"
    cv2.imwrite(str(path), crop())
    np.testing.assert_array_equal(read_crop(path), crop())
    assert read_crop(str(path)).dtype == np.uint8


def test_a_name_beyond_ascii_is_read(tmp_path):
    path = tmp_path / "Fäll 1 染色体.png"
    path.write_bytes(cv2.imencode(".png", crop())[1].tobytes())
    np.testing.assert_array_equal(read_crop(path), crop())


def test_colour_copies_of_a_grey_picture_are_the_grey_picture(tmp_path):
    for channels in (3, 4):
        image = np.repeat(crop()[:, :, None], channels, axis=2)
        image[:, :, 3:] = 255
        path = tmp_path / f"{channels}.png"
        cv2.imwrite(str(path), image)
        np.testing.assert_array_equal(read_crop(path), crop())


def test_transparent_pixels_are_laid_over_white():
    image = np.zeros((2, 2, 4), np.uint8)
    image[0, 0, 3] = 255
    image[0, 1, 3] = 51  # a fifth of black on white: 0.8 * 255 = 204
    assert to_grey(image).tolist() == [[0, 204], [255, 255]]


def test_sixteen_bits_are_divided_by_257():
    assert to_grey(np.array([[0, 257, 65535]], np.uint16)).tolist() == [[0, 1, 255]]


def test_sixteen_bits_are_rounded():
    levels = np.arange(65536, dtype=np.uint16)
    want = np.floor(levels / 257 + 0.5)
    np.testing.assert_array_equal(to_grey(levels[None])[0], want)


def test_one_channel_and_bool_are_accepted():
    np.testing.assert_array_equal(to_grey(crop()[:, :, None]), crop())
    assert to_grey(np.array([[True, False]])).tolist() == [[255, 0]]


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((2, 2, 2), np.uint8), r"shape \(H, W\).*got \(2, 2, 2\)"),
        (np.zeros(4, np.uint8), r"got \(4,\)"),
        (np.zeros((0, 3), np.uint8), r"no pixels: shape \(0, 3\)"),
        (np.zeros((2, 2), np.float32), "8-bit or 16-bit.*float32"),
        (np.full((2, 2), 4095, np.uint16), "brightest pixel is 4095 of 65535"),
        (np.zeros((2, 2, 4), np.uint8), "every pixel is transparent"),
    ],
)
def test_arrays_without_a_clear_grey_level_are_refused(image, message):
    with pytest.raises(ValueError, match=message):
        to_grey(image)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be opened"),
        (b"", "empty"),
        (b"not an image", "cannot be decoded"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "cannot be decoded"),
    ],
)
def test_unreadable_files_are_named(tmp_path, content, message, capfd):
    path = tmp_path / "bad.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ImageError, match=message) as error:
        read_crop(path)
    assert str(error.value).startswith(str(path))
    assert capfd.readouterr().err == ""


def test_a_tiff_that_lacks_its_second_strip_is_read_without_a_word(tmp_path, capfd):
    path = tmp_path / "vendor.tiff"
    write_short_tiff(path, crop())
    assert cv2.imread(str(path), cv2.IMREAD_UNCHANGED) is not None
    noise = capfd.readouterr().err
    np.testing.assert_array_equal(read_crop(path), crop())
    assert capfd.readouterr().err == ""
    assert "TIFF" in noise, "OpenCV warns about such a file when nobody hushes it"


def test_the_largest_picture_can_be_set(tmp_path, monkeypatch):
    """4097 x 4096 white pixels of 1 bit."""
    path = tmp_path / "large.png"
    image = np.full((4096, 4097), 255, np.uint8)
    cv2.imwrite(str(path), image, [cv2.IMWRITE_PNG_BILEVEL, 1])
    with pytest.raises(
        ImageError, match="4097 x 4096 pixels, more than the 16,777,216"
    ):
        read_crop(path)
    monkeypatch.setenv("MMSCL_MAX_PIXELS", str(4097 * 4096))
    assert read_crop(path).shape == (4096, 4097)
    for wrong in ("many", "0", "-5", "1e9"):
        monkeypatch.setenv("MMSCL_MAX_PIXELS", wrong)
        with pytest.raises(ImageError, match=f"MMSCL_MAX_PIXELS should .* '{wrong}'"):
            read_crop(path)


def test_the_log_level_of_the_process_is_put_back(tmp_path):
    path = tmp_path / "crop.png"
    cv2.imwrite(str(path), crop())
    log = cv2.utils.logging
    before = log.getLogLevel()
    try:
        log.setLogLevel(log.LOG_LEVEL_ERROR)
        threads = [
            threading.Thread(target=lambda: [read_crop(path) for _ in range(50)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with pytest.raises(ImageError):
            read_crop(tmp_path / "missing.png")
        assert log.getLogLevel() == log.LOG_LEVEL_ERROR
    finally:
        log.setLogLevel(before)


@pytest.mark.parametrize("background", [0, 3, 128, 245, 255])
def test_background_and_outline_on_any_background(background):
    image = crop(background)
    assert find_background(image) == background
    expected = np.zeros(image.shape, bool)
    expected[5:-5, 5:-5] = True
    np.testing.assert_array_equal(foreground_mask(image), expected)
    np.testing.assert_array_equal(foreground_mask(image, background), expected)


def test_background_of_a_tight_crop_whose_border_is_mostly_chromosome():
    image = np.full((60, 12), 255, np.uint8)
    image[:, :10] = np.linspace(40, 200, 60).astype(np.uint8)[:, None]
    assert (image[:, 0] < 255).all()
    assert find_background(image) == 255


def test_background_noise_is_no_foreground():
    generator = np.random.default_rng(0)
    noise = generator.integers(-3, 4, (40, 30))
    image = np.clip(crop(240).astype(int) + noise, 0, 255).astype(np.uint8)
    assert abs(find_background(image) - 240) <= 1
    assert foreground_mask(image).sum() == 30 * 20


def test_an_image_of_one_level_has_no_foreground():
    assert not foreground_mask(np.full((4, 4), 200, np.uint8)).any()


def test_a_single_pixel_has_a_background():
    assert find_background(np.full((1, 1), 9, np.uint8)) == 9


def test_a_file_that_comes_in_pieces_or_grows_is_read_to_its_end(tmp_path, monkeypatch):
    path, image = tmp_path / "a.png", np.arange(1200, dtype=np.uint8).reshape(40, 30)
    cv2.imwrite(str(path), image)
    real, size = os.read, path.stat().st_size
    open_before = len(os.listdir("/dev/fd"))
    with monkeypatch.context() as patch:
        patch.setattr(os, "read", lambda file, count: real(file, min(count, 100)))
        np.testing.assert_array_equal(read_crop(path), image)

    def fstat(file):  # before the last 50 bytes were written
        status = list(os.stat(file))
        status[stat.ST_SIZE] = size - 50
        return os.stat_result(status)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", fstat)
        np.testing.assert_array_equal(read_crop(path), image)
    assert len(os.listdir("/dev/fd")) == open_before


@pytest.mark.parametrize("function", [find_background, foreground_mask])
def test_outline_wants_grey_uint8(function):
    with pytest.raises(ValueError, match="H x W uint8, but got float64"):
        function(np.zeros((3, 3)))


def test_a_background_beyond_uint8_is_refused():
    with pytest.raises(ValueError, match="background: expected 0..255 but got 256"):
        foreground_mask(crop(), 256)
