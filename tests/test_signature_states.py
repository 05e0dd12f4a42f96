"""Every way a reading can end, and that hostile blobs end in one of them quickly."""

from __future__ import annotations

import base64
import json
import time
import tracemalloc
from typing import Any

import openpgp_blobs as pgp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.signature import ReadingState, SignatureReading, read_blob, read_content

CRITICAL = json.loads(pgp.payload())["critical"]
LITERAL = pgp.new_packet(11, pgp.literal_body(pgp.payload()))
SIGNATURE = pgp.new_packet(2, pgp.signature_body())
MANY_PACKETS = pgp.new_packet(10, b"PGP") * 1025
BOMB = pgp.new_packet(8, pgp.compressed_body(bytes(1 << 22)))


def text(**critical: Any) -> bytes:
    """Return a message whose payload has other members in `critical`."""
    return pgp.message(pgp.payload(critical=CRITICAL | critical))


STATES: list[tuple[str, bytes]] = [
    ("readable", pgp.message()),
    ("readable", pgp.message(pgp.payload(optional={}))),
    ("readable", pgp.message(pgp.payload(optional={"timestamp": 1e9, "other": [None]}))),
    ("empty", b""),
    ("too-large", bytes(1 << 18) + b"\x00"),
    ("too-large", BOMB),
    ("too-large", pgp.message(pgp.payload(optional={"note": "x" * (1 << 16)}))),
    ("too-complex", MANY_PACKETS),
    ("too-complex", b"\xcb" + b"\xe0x" * 1025),
    ("armored", b"-----BEGIN PGP MESSAGE-----\n\nabc=\n-----END PGP MESSAGE-----\n"),
    ("armored", b"\n-----BEGIN PGP SIGNED MESSAGE-----\n"),
    ("sigstore", b"\x00sigstore-json\n{}"),
    ("not-openpgp", b"{}"),
    ("not-openpgp", b"\xc0\x00"),
    ("not-openpgp", pgp.message() + b"junk"),
    ("truncated", pgp.message()[:-1]),
    ("truncated", b"\xcb"),
    ("truncated", b"\xcb\xff\xff\xff\xff\xff"),
    ("truncated", b"\xcb\xfe"),
    ("truncated", pgp.new_packet(11, b"b\x09abc")),
    ("truncated", pgp.new_packet(8, b"")),
    ("truncated", pgp.new_packet(8, pgp.compressed_body(pgp.message())[:-9])),
    ("bad-compression", pgp.new_packet(8, b"\x07abc")),
    ("bad-compression", pgp.new_packet(8, b"\x02abc")),
    ("bad-compression", pgp.new_packet(8, b"\x03abcdefgh")),
    ("encrypted", pgp.new_packet(1, bytes(20))),
    ("encrypted", pgp.new_packet(18, bytes(20))),
    ("unexpected-packet", pgp.new_packet(6, bytes(20))),
    ("no-literal", SIGNATURE),
    ("no-literal", pgp.new_packet(8, pgp.compressed_body(b""))),
    ("several-literals", LITERAL + LITERAL + SIGNATURE),
    ("no-signature", LITERAL),
    ("several-signatures", LITERAL + SIGNATURE + SIGNATURE),
    ("malformed-signature", pgp.message(signature=b"")),
    ("malformed-signature", pgp.message(signature=b"\x09" + bytes(40))),
    ("malformed-signature", pgp.message(signature=pgp.signature_body()[:6])),
    ("malformed-signature", pgp.message(signature=pgp.signature_body(hashed=b"\x00"))),
    ("malformed-signature", pgp.message(signature=pgp.signature_body(hashed=b"\x09\x02"))),
    ("malformed-signature", pgp.message(signature=b"\x03\x06" + bytes(40))),
    ("malformed-signature", pgp.new_packet(4, b"\x07" + bytes(12)) + LITERAL + SIGNATURE),
    ("payload-not-json", pgp.message(b"This is no JSON.")),
    ("payload-not-json", pgp.message(b"[1]")),
    ("payload-not-json", pgp.message(b"\xff\xfe{}")),
    ("payload-not-json", pgp.message(b'{"a": NaN}')),
    ("payload-not-json", pgp.message(b'{"a": ' + b"9" * 5000 + b"}")),
    ("payload-not-json", pgp.message(b"[" * 60_000)),
    ("payload-not-json", pgp.message(pgp.payload() + b"{}")),
    ("payload-not-atomic", pgp.message(b"{}")),
    ("payload-not-atomic", text(type="cosign container image signature")),
    ("payload-not-atomic", text(other=1)),
    ("payload-not-atomic", text(identity={"docker-reference": 1})),
    ("payload-not-atomic", text(identity=[])),
    ("payload-not-atomic", text(image={"docker-manifest-digest": None})),
    ("payload-not-atomic", text(image={"docker-manifest-digest": pgp.DIGEST, "other": 1})),
    ("payload-not-atomic", pgp.message(json.dumps({"critical": CRITICAL}).encode())),
    ("payload-not-atomic", pgp.message(pgp.payload(other={}))),
    ("payload-not-atomic", pgp.message(pgp.payload(optional=None))),
    ("payload-not-atomic", pgp.message(pgp.payload(optional={"creator": 1}))),
    ("payload-not-atomic", pgp.message(pgp.payload(optional={"timestamp": "now"}))),
    ("payload-not-atomic", pgp.message(pgp.payload(optional={"timestamp": True}))),
    ("payload-not-atomic", pgp.message(pgp.payload(optional={"timestamp": 1.5}))),
    ("payload-not-atomic", pgp.message(pgp.payload(optional={"timestamp": 7}).replace(b": 7}", b": 1e999}"))),
    ("payload-not-atomic", pgp.message(pgp.payload().replace(b'"optional"', b'"optional": {}, "optional"'))),
    ("payload-not-atomic", pgp.message(pgp.payload().replace(b'"type"', b'"type": "", "type"'))),
]  # fmt: skip


@pytest.mark.parametrize(("state", "blob"), STATES, ids=[f"{n}-{state}" for n, (state, _) in enumerate(STATES)])
def test_blob_ends_in_its_state(state: str, blob: bytes) -> None:
    """Each broken or odd blob ends in the state that names its fault, whatever its bytes."""
    reading = read_blob(blob)
    assert (reading.state, reading.content_size_bytes) == (state, len(blob))


@pytest.mark.parametrize("content", ["a", "!!!!", "YQ==YQ==", "YQ", "Ýàáâ", "\ud800", "-_-_"])
def test_content_that_is_no_base64_is_named(content: str) -> None:
    """Content that is not strict base64 ends in a state of its own, without a size."""
    assert read_content(content) == SignatureReading("not-base64")


@pytest.mark.parametrize("content", [None, "", " \n"])
def test_missing_content_is_named(content: str | None) -> None:
    """Absent, empty and blank content are one state."""
    assert read_content(content).state == "empty"


def test_every_state_is_reached_and_described() -> None:
    """The table of states holds nothing that no blob reaches, and a sentence for each."""
    assert {state for state, _ in STATES} | {"not-base64"} == {state.value for state in ReadingState}
    assert all(state.description.endswith(".") for state in ReadingState)


def test_states_are_plain_strings() -> None:
    """What goes into a row is a plain string, which every Parquet and JSON writer takes."""
    assert type(read_blob(b"").state) is type(read_blob(pgp.message()).state) is str


def test_claims_before_a_failure_are_kept() -> None:
    """A message with bytes behind it still shows its claims; the state tells of the fault."""
    reading = read_blob(pgp.message() + b"junk")
    assert (reading.state, reading.claimed_digest, reading.key_id) == ("not-openpgp", pgp.DIGEST, pgp.KEY_ID)


def test_claims_of_a_payload_that_breaks_the_rules_are_kept() -> None:
    """A payload of another type still shows what it claims."""
    reading = read_blob(text(type="cosign container image signature"))
    assert (reading.claimed_reference, reading.claimed_digest) == (pgp.REFERENCE, pgp.DIGEST)


def test_of_several_texts_none_is_believed() -> None:
    """With two texts it is open which one is signed, so neither gives claims."""
    assert read_blob(LITERAL + LITERAL + SIGNATURE).claimed_digest is None


@pytest.mark.parametrize("seconds", [10**18, -(10**18), 10**400, 253402300800])
def test_time_out_of_range_is_not_said(seconds: int) -> None:
    """A timestamp no calendar holds leaves the time empty and the rest readable."""
    reading = read_blob(pgp.message(pgp.payload(optional={"timestamp": seconds})))
    assert (reading.state, reading.claimed_at) == ("readable", None)


def test_half_a_surrogate_pair_becomes_valid_text() -> None:
    """An escaped half of a surrogate pair does not reach a column, where it could not be encoded."""
    reading = read_blob(pgp.message(pgp.payload(optional={"creator": "a\ud800b"})))
    assert (reading.state, reading.claimed_creator) == ("readable", "a?b")


def repeated(blob: bytes, limit: int = (1 << 18) - 16) -> bytes:
    """Return as many copies as the size limit lets through."""
    return blob * (limit // len(blob))


HOSTILE = {
    "bomb in bomb": pgp.new_packet(8, pgp.compressed_body(BOMB)),
    "many bombs": repeated(pgp.new_packet(8, pgp.compressed_body(bytes(1 << 16)))),
    "bzip2 bomb": pgp.new_packet(8, pgp.compressed_body(bytes(1 << 24), 3)),
    "tiny subpackets": pgp.message(signature=pgp.signature_body(repeated(b"\x01\x02", 1 << 17), version=6)),
    "tiny packets": repeated(b"\xca\x00"),
    "tiny chunks": b"\xcb" + repeated(b"\xe0x"),
    "lists in lists": pgp.message(b'{"a":' + b"[" * 32_000 + b"]" * 32_000 + b"}"),
    "empty objects": pgp.message(b'{"a":[' + b"{}," * 20_000 + b"{}]}"),
    "claimed length": b"\xcb\xff\xff\xff\xff\xff" + bytes(1 << 17),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_blob_is_bounded_in_time_and_memory(name: str) -> None:
    """A blob built to cost much costs less than two seconds and 32 MiB."""
    tracemalloc.start()
    started_at = time.perf_counter()
    reading = read_blob(HOSTILE[name])
    elapsed_seconds, peak_size_bytes = time.perf_counter() - started_at, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert reading.state != "readable" or name == "tiny subpackets"
    assert elapsed_seconds < 2
    assert peak_size_bytes < 32 << 20


@given(st.one_of(st.none(), st.text(), st.binary().map(lambda blob: base64.b64encode(blob).decode())))
def test_no_content_escapes_the_table_of_states(content: str | None) -> None:
    """Whatever text comes as content, the reading is one of the named states."""
    assert read_content(content).state in set(ReadingState)


SEEDS = [blob for _, blob in STATES if 0 < len(blob) < 2000] + [
    pgp.old_packet(8, pgp.compressed_body(pgp.message(), algorithm), indeterminate=True) for algorithm in (1, 2, 3)
]


@given(
    st.sampled_from(SEEDS), st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=6)), max_size=6)
)
def test_no_mutation_escapes_the_table_of_states(seed: bytes, edits: list[tuple[float, bytes]]) -> None:
    """Overwriting, cutting and lengthening blobs yields named states and text that can be stored."""
    blob = bytearray(seed)
    for place, replacement in edits:
        start = int(place * len(blob))
        blob[start : start + len(replacement) // 2 + 1] = replacement
    reading = read_blob(bytes(blob))
    assert reading.state in set(ReadingState)
    json.dumps(
        [reading.claimed_reference, reading.claimed_digest, reading.claimed_creator], ensure_ascii=False
    ).encode()
