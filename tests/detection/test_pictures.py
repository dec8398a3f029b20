"""Pictures as pumice detect decodes them: the pixels of TensorFlow's decode_png and decode_jpeg (by its accurate
inverse transform; its default is a quicker one, up to 27 of 255 off)."""
import base64
import pathlib
import struct
import subprocess
import zlib

import numpy as np
import pytest
import tensorflow as tf

from harness import binary
from harness.real_models import MODELS

ASTRONAUT = MODELS / "pictures/astronaut.png"

# 20 x 12, made with Pillow: Adobe's marker, inverted CMYK.
CMYK = base64.b64decode(
    "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwADAgIDAgIDAwMDBAMDBAUIBQUEBAUKBwcGCAwKDAwLCgsLDQ4SEA0OEQ4LCxAWEBETFBUVFQwPFxgWFBgS"
    "FBUU/8AAFAgADAAUBEMRAE0RAFkRAEsRAP/EAB8AAAEFAQEBAQEBAAAAAAAAAAABAgMEBQYHCAkKC//EALUQAAIBAwMCBAMFBQQEAAABfQECAwAE"
    "EQUSITFBBhNRYQcicRQygZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6"
    "g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+v/aAA4EQwBNAFkA"
    "SwAAPwD4a+CX/Lv+FfMn/DJP/Tl/47X5leH/AA//AGrt+XOa/VOv0A+CX/Lv+FH/AAyT/wBOX/jtel+H/gt/au39xnPtRX2x4T/5AkNH/DJP/Tl/"
    "47Xf2X7LP2i3V/sec/7NFfhP8Ev+Xf8ACv1o/wCFbaD/AM+n6j/CvNPhFZRXHkb1z0or9APgl/y7/hR/wrbQf+fT9R/hX238IvCunXHkb4c9KK+2"
    "PCf/ACBIaP8AhW2g/wDPp+o/wr658NfDzRH0iIm1yfqP8KK//9k=")
assert CMYK[2:4] == b"\xff\xee"


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed(samples, depth):
    """Rows of samples [height, per row] with a filter byte each."""
    rows = b""
    for row in samples:
        if depth == 16:
            body = row.astype(">u2").tobytes()
        elif depth == 8:
            body = row.astype(np.uint8).tobytes()
        else:
            bits = "".join(format(int(v), f"0{depth}b") for v in row)
            bits += "0" * (-len(bits) % 8)
            body = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))
        rows += b"\0" + body
    return rows


ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]


def png(depth, colour, channels, extra=b"", interlaced=False, size=(19, 23)):
    """A PNG of random samples; `extra` chunks stand before the picture."""
    height, width = size
    samples = np.random.default_rng(depth + colour).integers(0, 2**depth, (height, width, channels))
    parts = [samples]
    if interlaced:
        parts = [samples[y::dy, x::dx] for y, x, dy, dx in ADAM7]
    data = b"".join(packed(part.reshape(part.shape[0], -1), depth) for part in parts if part.size)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(data))
            + chunk(b"IEND", b""))


PALETTE = chunk(b"PLTE", np.random.default_rng(9).integers(0, 256, 768, np.uint8).tobytes())
PNGS = {
    **{f"grey-{depth}": png(depth, 0, 1) for depth in (1, 2, 4, 8, 16)},
    "grey-transparent": png(8, 0, 1, chunk(b"tRNS", b"\0\7")),
    "rgb-8": png(8, 2, 3), "rgb-16": png(16, 2, 3),
    "rgb-transparent": png(8, 2, 3, chunk(b"tRNS", b"\0\1\0\2\0\3")),
    "rgb-gamma": png(8, 2, 3, chunk(b"gAMA", struct.pack(">I", 100000))),
    "rgb-16-gamma": png(16, 2, 3, chunk(b"gAMA", struct.pack(">I", 100000))),
    "rgb-background": png(8, 2, 3, chunk(b"bKGD", b"\0\1\0\2\0\3")),
    "rgb-few-bits": png(8, 2, 3, chunk(b"sBIT", b"\5\6\5")),
    **{f"palette-{depth}": png(depth, 3, 1, chunk(b"PLTE", PALETTE[8:8 + 3 * 2**depth])) for depth in (1, 2, 4, 8)},
    "palette-transparent": png(8, 3, 1, PALETTE + chunk(b"tRNS", bytes(range(200)))),
    "grey-alpha-8": png(8, 4, 2), "grey-alpha-16": png(16, 4, 2),
    "rgba-8": png(8, 6, 4), "rgba-16": png(16, 6, 4),
    "interlaced": png(8, 2, 3, interlaced=True), "interlaced-grey-1": png(1, 0, 1, interlaced=True),
    "interlaced-tiny": png(8, 6, 4, interlaced=True, size=(1, 1)),
    "one-pixel-high": png(8, 2, 3, size=(1, 300)), "one-pixel-wide": png(8, 2, 3, size=(300, 1)),
}


def encode_jpeg(size=None, **how):
    picture = tf.io.decode_png(ASTRONAUT.read_bytes(), 3).numpy()
    if size:
        picture = picture[100:100 + size[0], 150:150 + size[1]]
    if how.get("format") == "grayscale":
        picture = picture[..., :1]
    return tf.io.encode_jpeg(np.ascontiguousarray(picture), **how).numpy()


def jpegs():
    return {
        "baseline": encode_jpeg(), "progressive": encode_jpeg(progressive=True),
        "grey": encode_jpeg(format="grayscale"), "grey-progressive": encode_jpeg(format="grayscale", progressive=True),
        "coarse": encode_jpeg(quality=5), "fine": encode_jpeg(quality=100),
        "full-colour": encode_jpeg(chroma_downsampling=False), "odd": encode_jpeg((37, 53)),
        "odd-full-colour": encode_jpeg((37, 53), chroma_downsampling=False), "one-pixel": encode_jpeg((1, 1)),
        "thin": encode_jpeg((300, 1)), "xmp": encode_jpeg(xmp_metadata="<x/>"),
        "cmyk-adobe": CMYK, "cmyk": CMYK[:2] + CMYK[18:],
    }


def decode(folder, pictures):
    """pumice's pixels of each picture, or the error's line."""
    arguments = []
    for name, content in pictures.items():
        (folder / name).write_bytes(content)
        arguments += [folder / name, folder / f"{name}.ppm"]
    tool = pathlib.Path(binary.pumice()).with_name("pumice_decode_picture")
    done = subprocess.run([tool, *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    answers = dict(zip(pictures, done.stdout.splitlines(), strict=True))
    for name, answer in answers.items():
        if answer == "ok":
            _, size, _, pixels = (folder / f"{name}.ppm").read_bytes().split(b"\n", 3)
            width, height = map(int, size.split())
            answers[name] = np.frombuffer(pixels, np.uint8).reshape(height, width, 3)
    return answers


def test_png(tmp_path):
    for name, pixels in decode(tmp_path, PNGS).items():
        assert isinstance(pixels, np.ndarray), (name, pixels)
        expected = tf.io.decode_png(PNGS[name], 3).numpy()
        np.testing.assert_array_equal(pixels, expected, name)


def test_jpeg(tmp_path):
    pictures = jpegs()
    for name, pixels in decode(tmp_path, pictures).items():
        assert isinstance(pixels, np.ndarray), (name, pixels)
        expected = tf.io.decode_jpeg(pictures[name], 3, dct_method="INTEGER_ACCURATE").numpy()
        np.testing.assert_array_equal(pixels, expected, name)


def test_every_cut(tmp_path):
    """Cut anywhere, a picture is an error that says so, never a picture with a grey half."""
    whole = {"png": PNGS["rgba-16"], "interlaced": PNGS["interlaced"], "palette": PNGS["palette-transparent"],
             "jpeg": encode_jpeg((64, 64)), "progressive": encode_jpeg((64, 64), progressive=True), "cmyk": CMYK}
    for name, content in whole.items():
        cuts = {f"{name}-{at}": content[:at] for at in np.linspace(1, len(content) - 13, 40, dtype=int)}
        for cut, answer in decode(tmp_path, cuts).items():
            assert isinstance(answer, str), cut
            assert answer.split()[0] in ("truncated", "malformed", "unknown_format"), (cut, answer)


def test_damage(tmp_path):
    """Changed bytes give a picture or an error; never a crash."""
    random = np.random.default_rng(2)
    for name, content in {"png": PNGS["interlaced"], "palette": PNGS["palette-4"], "jpeg": encode_jpeg((64, 64)),
                          "progressive": encode_jpeg((64, 64), progressive=True), "cmyk": CMYK}.items():
        damaged = {}
        for i in range(60):
            changed = bytearray(content)
            changed[int(random.integers(2, len(changed)))] = int(random.integers(0, 256))
            damaged[f"{name}-{i}"] = bytes(changed)
        decode(tmp_path, damaged)
