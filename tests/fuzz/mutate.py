"""Mutations of bytes: flips, cuts, repeats, insertions of what parsers trip over, and splices of two seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

TOKENS = (
    b"\0", b"\xff", b"\xef\xbb\xbf", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\n", b"\r", b"- ", b"---\n",
    b"...\n", b"items:\n", b'"items":[', b"null", b"NaN", b"1e999", b"-9" * 30, b"9223372036854775808", b'"\\ud800"',
    b"&a ", b"*a", b"<<: ", b"!!python/object:os.system ", b"? ", b"| ", b"> ", b"'", b"#", b"%YAML 1.1\n", b"\t",
    b"\xe2\x80\xa8", b"\xc2\x85", b'"kind":"Image"', b"kind: Image\n", b"[" * 300, b'{"a":' * 300, b"\xff" * 8,
    b"\x80\0\0\0", b"PK\x03\x04", b"\x1f\x8b\x08",
)  # fmt: skip


def mutated(seed: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    """Return a seed after a few mutations."""
    data = bytearray(seed)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        at = chance.randrange(len(data) + 1)
        span = chance.choice((1, 2, 4, 16, 64, 512))
        match chance.randrange(7):
            case 0 if data:
                data[at % len(data)] ^= 1 << chance.randrange(8)
            case 1:
                data[at : at + span] = chance.randbytes(chance.choice((0, 1, span)))
            case 2:
                data[at:at] = data[at : at + span] * chance.choice((1, 2, 20))
            case 3:
                data[at : at + chance.choice((0, span))] = chance.choice(TOKENS)
            case 4:
                del data[at : at + span]
            case 5:
                other = chance.choice(others)
                data[at:] = other[chance.randrange(len(other) + 1) :]
            case _:
                data[at : at + 4] = chance.choice((0, 1, 255, 2**31 - 1, 2**32 - 1)).to_bytes(
                    4, chance.choice(("big", "little"))
                )
    return bytes(data)
