"""Texts from strangers: only the errors of the tree come out, and what can be stored is stored as it is."""

from __future__ import annotations

import json
import resource
import time
from contextlib import suppress

import pytest
from hostile import MEBI, load, one_image, write
from input_forms import compact, corpus, pretty

from indexer import decode
from indexer.errors import ConfigurationError, DecodeError, LimitError
from indexer.ingest import IngestOptions, ingest
from indexer.redaction import Redactor
from indexer.sources.account import object_count
from indexer.sources.files import FileSource
from indexer.sources.limits import InputLimits

YAML_BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (letter, letter, b",".join([b"*%c" % (letter - 1)] * 9)) for letter in range(ord("b"), ord("m"))
)


@pytest.mark.parametrize(
    "content",
    [
        b"kind: Image\nmetadata: {name: a}\n" + YAML_BOMB,
        b"kind: List\nitems:\n- kind: Image\n" + b"".join(b"  " + line + b"\n" for line in YAML_BOMB.splitlines()),
    ],
)
def test_aliases_may_not_multiply(content, tmp_path):
    """Nine to the twelfth is counted before it is written out."""
    with pytest.raises(LimitError, match="object_bytes"):
        load(write(tmp_path, content), tmp_path / "store")


def test_an_alias_to_what_holds_it_is_refused(tmp_path):
    """A loop is no tree."""
    with pytest.raises(DecodeError, match="has no anchor before it"):
        load(write(tmp_path, b"kind: Image\nmetadata: &m\n  name: a\n  self: *m\n"), tmp_path / "store")


@pytest.mark.parametrize("content", [b"kind: Image\nx: " + b"[" * 5000, b"kind: Image\nx:\n" + b"- " * 5000 + b"a\n"])
def test_deep_yaml_ends(content, tmp_path):
    """Nesting beyond the limit is an error, however it is written."""
    with pytest.raises(DecodeError):
        load(write(tmp_path, content), tmp_path / "store")


@pytest.mark.parametrize("depth", [500, 5_000, 500_000])
@pytest.mark.parametrize("where", ['{"kind":"Image","metadata":{"name":"a"},"x":%s}', '{"items":[{"image":%s}]}', "%s"])
def test_deep_json_ends(depth, where, tmp_path):
    """Nesting of any depth is read or refused, and never overflows."""
    content = (where % ("[" * depth + "]" * depth)).encode()
    with suppress(DecodeError):
        load(write(tmp_path, content), tmp_path / "store")


def test_lists_in_lists_end(tmp_path):
    """A list that is an item of a list that is an item goes only so far."""
    content = b'{"kind":"List","items":[' * 300 + one_image() + b"]}" * 300
    with pytest.raises(DecodeError):
        load(write(tmp_path, content), tmp_path / "store")


def test_one_object_may_not_fill_the_memory(tmp_path):
    """An object, a line or a string without end stops at the limit."""
    for content in (b'{"kind":"Image","x":"' + b"a" * 3 * MEBI, one_image() + b'\n{"a":"' + b"b" * 3 * MEBI):
        with pytest.raises(LimitError, match="object_bytes"):
            load(write(tmp_path, content), tmp_path / "store", object_bytes=MEBI)


# Texts and numbers


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (b'"dockerImageMetadata":{"Size":%s}' % (b"9" * 100), "Size"),
        (b'"dockerImageMetadata":{"Size":9223372036854775808}', "Size"),
        (b'"dockerImageMetadata":{"Size":1e400}', "out of range"),
        (b'"dockerImageMetadata":{"Size":NaN}', "broken"),
        (b'"dockerImageMetadata":{"Size":-Infinity}', "broken"),
        (b'"dockerImageReference":"\xff\xfe"', "broken"),
        (b'"unknown":"\xff\xfe"', "UTF-8"),
        (b'"dockerImageReference":"\\ud800"', "broken"),
        (b'"dockerImageReference":"a\0b"', "broken"),
        (b'"metadata":{"name":"b","creationTimestamp":"99999999999-01-01T00:00:00Z"}', "creationTimestamp"),
        (b'"metadata":{"name":"b","creationTimestamp":"' + b"x" * MEBI + b'"}', "creationTimestamp"),
    ],
)
def test_values_that_fit_no_column_are_errors_of_their_item(fields, said, tmp_path):
    """The message names the item and the field; it is skipped where that is wanted, and its neighbours stay."""
    bad = b'{"kind":"Image","metadata":{"name":"sha256:bad"},' + fields + b"}"
    path = write(tmp_path, b"\n".join([compact(corpus()[0]), bad, compact(corpus()[1])]))
    with pytest.raises(DecodeError, match=said) as caught:
        load(path, tmp_path / "store")
    assert "input, item 2" in caught.value.message
    assert len(caught.value.message) < 1000
    receipt = load(path, tmp_path / "store", skip=True).receipt
    assert (receipt.image_count, [item.number for item in receipt.skipped_items]) == (2, [2])


def test_strange_texts_are_kept_as_they_are(tmp_path):
    """Escapes for terminals, formulas, megabytes and NUL are data: they are stored, and escaped where shown."""
    labels = {
        "esc": "\x1b]0;owned\x07",
        "formula": "=cmd|' /C calc'!A0",
        "big": "x" * MEBI,
        "nul": "a\0b",
        "rtl": "\u202e",
    }
    image = json.loads(one_image(dockerImageMetadata={"Config": {"Labels": labels}}))
    snapshot = load(write(tmp_path, pretty(image)), tmp_path / "store")
    import pyarrow.parquet as pq

    row = pq.ParquetFile(snapshot.part_paths[0]).read().to_pylist()[0]
    assert dict(row["docker_image_metadata"]["config"]["labels"]) == labels


def test_duplicate_keys_count_once(tmp_path):
    """The last of equal keys counts, as in the decoders of Kubernetes."""
    text = b'{"kind":"Image","metadata":{"name":"first","name":"sha256:last"},"kind":"Image"}'
    import pyarrow.parquet as pq

    snapshot = load(write(tmp_path, text), tmp_path / "store")
    table = pq.ParquetFile(snapshot.part_paths[0]).read(columns=["metadata.name"]).to_pylist()
    assert table == [{"metadata": {"name": "sha256:last"}}]


def test_a_folder_that_is_no_input_is_refused(tmp_path):
    """An empty folder holds nothing; one that can't be read is a matter of usage."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(DecodeError, match="holds no Image objects"):
        load(tmp_path / "empty", tmp_path / "store")


def test_limits_are_named_on_the_command_line():
    """A limit is set by its name; anything else is refused with the names."""
    assert InputLimits().with_settings(["ratio=7", "depth=9"]) == InputLimits(ratio=7, depth=9)
    for setting in ("ratio", "ratio=-1", "rates=1", "ratio=1e3"):
        with pytest.raises(ConfigurationError, match="is no input limit") as caught:
            InputLimits().with_settings([setting])
        assert "object_bytes" in caught.value.hint


def test_memory_stays_bounded_while_a_long_list_streams(tmp_path):
    """A list many times as large as what is held goes through without the memory growing with it."""
    image = compact(corpus()[0])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    class Endless:
        """A pipe that writes the list as it is read."""

        def __init__(self):
            self.count = 0

        def read(self, size):
            self.count += 1
            if self.count == 1:
                return b'{"kind":"List","items":['
            return b"" if self.count > 800 else (b"]}" if self.count == 800 else (image + b",") * (size // len(image)))

    from indexer.sources.json_pieces import json_pieces
    from indexer.sources.streams import Stream

    pieces = sum(len(getattr(piece, "texts", ())) for piece in json_pieces(Stream(Endless()), "x", InputLimits()))
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert pieces * len(image) > 60 * MEBI
    assert grown_kib < 20 * 1024


SLOW_TEXTS = {
    "many members": b'{"kind":"List","items":[],' + b",".join(b'"a%d":1' % n for n in range(200_000)) + b"}",
    "braces in a string": b'{"items":["' + b"}" * 8 * MEBI + b'"]}',
    "brackets": b'{"items":[' + b"[" * MEBI,
    "escapes": b'{"items":["' + b"\\\\" * 4 * MEBI,
    "words in a label": one_image(dockerImageMetadata={"Config": {"Labels": {"a": "a-" * MEBI, "b": "a " * MEBI}}}),
    "quotes in a label": one_image(dockerImageMetadata={"Config": {"Labels": {"a": 'a="\\' * MEBI}}}),
    "addresses in a label": one_image(dockerImageMetadata={"Config": {"Env": ["A=" + "://:" * MEBI]}}),
    "secrets": one_image(dockerImageMetadata={"Config": {"Env": [f"A{n}_KEY=secret{n}" for n in range(100_000)]}}),
    "yaml flow": b"kind: Image\na: " + b"{a: " * 190 + b"x" + b"}" * 190 + b"\nb: [" + b"a, " * 100_000 + b"]\n",
    "yaml keys": b"kind: Image\n" + b"? a\n" * 100_000,
    "yaml quotes": b'kind: Image\na: "' + b"\n" * MEBI,
    "blanks before a log": b" " * 2 * MEBI + b"{",
}


@pytest.mark.parametrize("name", list(SLOW_TEXTS))
def test_no_text_takes_long(name, tmp_path):
    """Texts made to be tried over and over are read or refused in seconds, redacted or not."""
    path = write(tmp_path, SLOW_TEXTS[name])
    started = time.monotonic()
    for redactor in (None, Redactor(["all"])):
        with suppress(DecodeError):
            ingest(FileSource([str(path)]), tmp_path / "store", IngestOptions("c", redactor=redactor))
    assert time.monotonic() - started < 10


def test_a_count_of_keys_takes_no_time():
    """A count that is nothing but blanks is read once."""
    started = time.monotonic()
    assert object_count(b" " * MEBI) is None
    assert object_count(b"  3 pods\n 12 images\n  5 imagestreams\n") == 12
    assert object_count(b'{"images": {"count": 7, "size": 9}}') == 7
    assert time.monotonic() - started < 1


def test_skipping_has_an_end(tmp_path, monkeypatch):
    """What can hardly be read at all is no input, also where bad items are skipped."""
    monkeypatch.setattr(decode, "MOST_SKIPPED_ITEMS", 3)
    path = write(tmp_path, one_image() + b"\n" + b"x\n" * 5)
    with pytest.raises(LimitError, match="more than 3 items"):
        load(path, tmp_path / "store", skip=True)


def test_kinds_made_up_by_strangers_fill_no_memory(tmp_path):
    """However many kinds there are and however long, the message stays short."""
    lines = [compact({"kind": f"{number}" + "k" * 1000}) for number in range(3000)]
    with pytest.raises(DecodeError) as caught:
        load(write(tmp_path, b"\n".join(lines)), tmp_path / "store")
    assert len(caught.value.message) < 1000
