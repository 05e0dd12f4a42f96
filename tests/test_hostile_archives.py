"""Archives from strangers: nothing is written elsewhere, nothing is followed, and nothing unpacks without bounds."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import resource
import tarfile
import zipfile
from contextlib import suppress

import pytest
from hostile import MEBI, files_below, load, one_image, write
from input_forms import COMPRESSORS, compact, corpus, image_list, pretty, tar, zipped

from indexer.errors import DecodeError, LimitError

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


@pytest.mark.parametrize("squeezer", list(COMPRESSORS))
def test_members_behind_each_other_and_padding(squeezer, tmp_path):
    """A stream of several members, padded with zeros as tapes are, is read to its end; garbage behind it is not."""
    squeeze = COMPRESSORS[squeezer]
    lines = [compact(image) + b"\n" for image in corpus()]
    content = b"".join(squeeze(line) + b"\0" * 8 for line in lines)
    assert load(write(tmp_path, content), tmp_path / "store").receipt.image_count == len(lines)
    for spoilt in (content + b"garbage", content.rstrip(b"\0")[:-5]):
        with pytest.raises(DecodeError, match="broken or cut"):
            load(write(tmp_path, spoilt), tmp_path / "store")


@pytest.mark.parametrize("squeezer", list(COMPRESSORS))
def test_broken_streams_leave_nothing_behind(squeezer, tmp_path):
    """A thousand broken members that are skipped cost no memory."""
    broken = COMPRESSORS[squeezer](one_image() * 50)[:-5]
    path = write(tmp_path, tar({f"images/{number}": broken for number in range(1500)} | {"a.json": one_image()}))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert len(load(path, tmp_path / "store", skip=True).receipt.skipped_items) == 1500
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 12 * 1024


def test_an_xz_dictionary_may_not_claim_the_memory(tmp_path):
    """A stream that asks for gigabytes to unpack is refused."""
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 512 * MEBI}]
    content = lzma.compress(one_image(), format=lzma.FORMAT_XZ, filters=filters)
    with pytest.raises(DecodeError, match="xz"):
        load(write(tmp_path, content), tmp_path / "store")
