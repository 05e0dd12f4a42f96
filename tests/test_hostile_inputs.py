"""Files from strangers: whatever is in them, nothing is written elsewhere, and only the errors of the tree come out."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import os
import resource
import tarfile
import zipfile
from contextlib import suppress

import pytest
from input_forms import COMPRESSORS, compact, corpus, image_list, pretty, tar, zipped

from indexer.errors import ConfigurationError, DecodeError, LimitError
from indexer.ingest import IngestOptions, ingest
from indexer.sources.files import FileSource
from indexer.sources.limits import InputLimits

MEBI = 1 << 20


def load(path, store, *, skip=False, **limits):
    """Import one path."""
    source = FileSource([str(path)], InputLimits(**limits), skip_bad_items=skip)
    return ingest(source, store, IngestOptions("c", skip_bad_items=skip))


def write(tmp_path, content, name="input"):
    """Write a file and return its path."""
    (tmp_path / name).write_bytes(content)
    return tmp_path / name


def files_below(folder):
    """Every file below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def one_image(**fields):
    """Write an Image as text, with fields of one's own."""
    return compact({"kind": "Image", "metadata": {"name": "sha256:1"}, **fields})


# Archives: names, links, devices


NAMES = [
    "../../../escape.json",
    "/etc/escape.json",
    "a/../../b.json",
    "C:\\x\\escape.json",
    "nul\\..\\..\\x",
    "a\x1b[31mb",
]


@pytest.mark.parametrize("pack", [tar, zipped])
def test_names_in_archives_lead_nowhere(pack, tmp_path):
    """Absolute and climbing names are read in place: their content counts, nothing is written but the store."""
    content = {name: compact(image) for name, image in zip(NAMES, corpus(), strict=False)}
    path = write(tmp_path, pack(content))
    assert load(path, tmp_path / "store").receipt.image_count == len(NAMES)
    assert {name for name in files_below(tmp_path) if not name.startswith("store/")} == {"input"}


def test_links_and_devices_in_a_tar_are_left_out(tmp_path):
    """A link to a file of this machine is not followed; the receipt says that something was left out."""
    write(tmp_path, compact(corpus()[1]), "target.json")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            entry = tarfile.TarInfo(f"images/{kind!r}.json")
            entry.type, entry.linkname = kind, str(tmp_path / "target.json")
            archive.addfile(entry)
        entry = tarfile.TarInfo("images/a.json")
        entry.size = len(compact(corpus()[0]))
        archive.addfile(entry, io.BytesIO(compact(corpus()[0])))
    receipt = load(write(tmp_path, packed.getvalue()), tmp_path / "store").receipt
    assert receipt.image_count == 1
    assert "4 links or special files were left out." in receipt.warnings


def test_links_in_a_zip_and_in_a_folder_are_left_out(tmp_path):
    """The same for a zip, and for links inside a folder the user named."""
    write(tmp_path, compact(corpus()[1]), "target.json")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        link = zipfile.ZipInfo("images/link.json")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, str(tmp_path / "target.json"))
        archive.writestr("images/a.json", compact(corpus()[0]))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link.json").symlink_to(tmp_path / "target.json")
    os.mkfifo(tmp_path / "folder" / "pipe.json")
    write(tmp_path / "folder", packed.getvalue(), "a.zip")
    receipt = load(tmp_path / "folder", tmp_path / "store").receipt
    assert receipt.image_count == 1
    assert "3 links or special files were left out." in receipt.warnings


def test_a_member_of_a_zip_without_a_name_is_left_out(tmp_path):
    """The library can't open it: it is told, and the other members are read."""
    content = zipped({"Zx": compact(corpus()[0]), "images/a.json": compact(corpus()[1])})
    path = write(tmp_path, content.replace(b"Zx", b"\0x"))
    receipt = load(path, tmp_path / "store").receipt
    assert receipt.image_count == 1
    assert "1 links or special files were left out." in receipt.warnings


@pytest.mark.parametrize("value", ["{}", "[]", "1", "null", '"ADDED"', "[[]]"])
@pytest.mark.parametrize("key", ["type", "kind", "apiVersion", "object", "items", "image", "status", "metadata"])
def test_keys_that_tell_kinds_apart_may_hold_anything(key, value, tmp_path):
    """Objects whose kind, type, version or parts are of other types are refused, not tripped over."""
    text = b'{"%b":%b,"object":{},"image":{},"items":0}' % (key.encode(), value.encode())
    with suppress(DecodeError):
        load(write(tmp_path, text), tmp_path / "store")


def test_an_encrypted_zip_is_refused(tmp_path):
    """It can't be read; the hint says what to do."""
    content = bytearray(zipped({"a.json": one_image()}))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(DecodeError, match="is encrypted"):
        load(write(tmp_path, bytes(content)), tmp_path / "store")


# Bombs


def blanks(size_bytes):
    """Write a list with a lot of white space in it."""
    return compact(image_list(corpus()))[:-2] + b" " * size_bytes + b"]}"


@pytest.mark.parametrize("squeezer", ["gz", "xz", "bz2", "zst"])
def test_a_small_file_may_not_unpack_to_far_more(squeezer, tmp_path):
    """A ratio beyond the limit is an error that names the option; with the limit raised the file is read."""
    path = write(tmp_path, COMPRESSORS[squeezer](blanks(80 * MEBI)))
    with pytest.raises(LimitError, match="limit ratio is 200") as caught:
        load(path, tmp_path / "store")
    assert "--input-limit ratio=" in caught.value.hint
    assert load(path, tmp_path / "store", ratio=1_000_000).receipt.image_count == len(corpus())


def test_wrappers_in_wrappers_multiply(tmp_path):
    """The ratio is counted from the disk, through every wrapper; so a bomb in a bomb is met as early."""
    content = gzip.compress(gzip.compress(zipped({"a.json": blanks(80 * MEBI)})))
    with pytest.raises(LimitError, match="ratio"):
        load(write(tmp_path, content), tmp_path / "store")


def test_limits_are_not_skipped_over(tmp_path):
    """Skipping bad items does not skip limits."""
    with pytest.raises(LimitError):
        load(write(tmp_path, gzip.compress(blanks(80 * MEBI))), tmp_path / "store", skip=True)


@pytest.mark.parametrize(
    ("limits", "said"),
    [({"unpacked_bytes": 1000}, "unpacked_bytes"), ({"members": 1}, "members"), ({"nesting": 1}, "nesting")],
)
def test_each_limit_holds(limits, said, tmp_path):
    """Total, members and nesting are bounded, too."""
    content = gzip.compress(tar({"a.json": pretty(corpus()[0]), "b.json": one_image()}))
    with pytest.raises(LimitError, match=said):
        load(write(tmp_path, content), tmp_path / "store", **limits)


def test_an_endless_nest_ends(tmp_path):
    """Wrappers within wrappers stop at the limit."""
    content = one_image()
    for _ in range(20):
        content = gzip.compress(content)
    with pytest.raises(LimitError, match="nesting"):
        load(write(tmp_path, content), tmp_path / "store")


def test_overlapping_members_of_a_zip_are_refused(tmp_path):
    """A zip whose directory points many times at one member is broken or a bomb."""
    content = zipped({"a.json": one_image(), "b.json": one_image()})
    second = content.rindex(b"PK\x01\x02")
    content = content[: second + 42] + b"\0\0\0\0" + content[second + 46 :]
    with pytest.raises(DecodeError, match="zip"):
        load(write(tmp_path, content), tmp_path / "store")


def test_a_tar_header_may_not_claim_the_memory(tmp_path):
    """An extended header of many megabytes ends at the limit for headers."""
    entry = tarfile.TarInfo("././@PaxHeader")
    entry.type, entry.size = tarfile.XHDTYPE, 512 * MEBI
    content = gzip.compress(entry.tobuf() + b"30 path=" + b"x" * 60 * MEBI)
    with pytest.raises(DecodeError, match="headers are larger"):
        load(write(tmp_path, content), tmp_path / "store", ratio=1_000_000)


def test_an_xz_dictionary_may_not_claim_the_memory(tmp_path):
    """A stream that asks for gigabytes to unpack is refused."""
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 512 * MEBI}]
    content = lzma.compress(one_image(), format=lzma.FORMAT_XZ, filters=filters)
    with pytest.raises(DecodeError, match="xz"):
        load(write(tmp_path, content), tmp_path / "store")


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

    pieces = sum(1 for _ in json_pieces(Stream(Endless()), "x", InputLimits()))
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert pieces * len(image) > 60 * MEBI
    assert grown_kib < 20 * 1024
