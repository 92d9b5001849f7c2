"""Pictures of the stimuli on one sheet, which is one image of the page."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LONGEST_SIDE = 64
"""Longest side of a picture, in pixels; larger pictures are shrunk to it."""

QUALITY = 88
"""Quality of shrunk pictures. Others are stored without loss."""


@dataclass(frozen=True)
class Sheet:
    """Pictures in rows, each in a cell of the same size.

    Attributes
    ----------
    data
        The sheet as a WebP file.
    columns
        Number of pictures in a row.
    width, height
        Size of a cell, in pixels.
    """

    data: bytes
    columns: int
    width: int
    height: int


def sheet(images: NDArray[np.uint8]) -> Sheet:
    """Return a sheet of images [n, height, width, channels], in order; they may be memory-mapped."""
    n, height, width = images.shape[:3]
    share = min(1.0, LONGEST_SIDE / max(height, width))
    width, height = max(1, round(width * share)), max(1, round(height * share))
    columns = int(np.ceil(np.sqrt(n * height / width)))
    whole = Image.new("RGB", (columns * width, -(-n // columns) * height))
    for place, pixels in enumerate(images):
        picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else np.asarray(pixels)).convert("RGB")
        picture = picture if share == 1 else picture.resize((width, height), Image.Resampling.LANCZOS)
        whole.paste(picture, (place % columns * width, place // columns * height))
    file = io.BytesIO()
    whole.save(file, "WEBP", lossless=share == 1, quality=QUALITY if share < 1 else 100, method=4)
    return Sheet(file.getvalue(), columns, width, height)
