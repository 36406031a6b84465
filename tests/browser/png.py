"""Pixels of a screenshot: just enough of PNG (ISO/IEC 15948: 8 bits, RGB or RGBA, not interlaced) to compare shapes."""

import struct
import zlib

import numpy as np


def luminance(png: bytes) -> np.ndarray:
    """Height x width of luminance, 0 to 255 (ITU-R BT.709)."""
    rgb = pixels(png)[:, :, :3].astype(float)
    return rgb @ np.array([0.2126, 0.7152, 0.0722])


def pixels(png: bytes) -> np.ndarray:
    """Height x width x channels of bytes."""
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", png[16:29])
    assert depth == 8
    assert kind in (2, 6)
    assert not interlaced
    channels = 3 if kind == 2 else 4
    packed, at = b"", 8
    while at < len(png):
        length, name = struct.unpack(">I4s", png[at : at + 8])
        packed += png[at + 8 : at + 8 + length] if name == b"IDAT" else b""
        at += 12 + length
    raw = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + width * channels)
    rows = np.zeros((height + 1, width * channels), np.int64)
    for y in range(height):
        unfilter(raw[y, 0], raw[y, 1:].astype(np.int64), rows[y], rows[y + 1], channels)
    return rows[1:].reshape(height, width, channels).astype(np.uint8)


def unfilter(kind, line, above, out, channels):
    """Undo the filter of one line: none, left, up, average, Paeth."""
    for x in range(len(line)):
        left = out[x - channels] if x >= channels else 0
        corner = above[x - channels] if x >= channels else 0
        guess = (0, left, above[x], (left + above[x]) // 2, paeth(left, above[x], corner))[kind]
        out[x] = (line[x] + guess) & 255


def paeth(left, up, corner):
    estimate = left + up - corner
    return min((left, up, corner), key=lambda each: abs(estimate - each))
