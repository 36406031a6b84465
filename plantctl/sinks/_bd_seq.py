"""The number of a Sparkplug node's last connection, in a small file of its own: how it stands there.

One line and its sum; earlier versions had no sum. Rules of the file: pure.
"""

from typing import Final

from plantctl.core.one_bit import line_of, with_sum

BD_SEQ: Final = ".bdseq"  # the end of the file's name
BD_SEQ_COUNT: Final = 256
BYTES_MAX: Final = 64


def encode_bd_seq(number: int) -> bytes:
    """The file with this number."""
    return with_sum(b"%d" % number)


def decode_bd_seq(data: bytes) -> int:
    """The number in its file, 0 to 255. ValueError where it cannot be read: more than one bit of it was turned."""
    found = line_of(data)
    if found is None and not data.rstrip(b"\n").isdigit():
        raise ValueError("no number of a connection")
    return int(data if found is None else found[0]) % BD_SEQ_COUNT
