"""Decoding: what is said arrives, what is not said is null, what is wrong is named."""

from __future__ import annotations

import gzip
import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_objects import decoded, image, page_text

from indexer.decode import BadItems, decode_page
from indexer.errors import DecodeError
from indexer.pages import Page, read_page

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLE = Path(__file__).parents[1] / "data" / "sample" / "page-00004.json.gz"

NOTHING = [None, "", [], {}]
FIELDS_OF_EVERY_SHAPE = [
    "dockerImageReference",
    "dockerImageMetadata",
    "dockerImageManifest",
    "dockerImageLayers",
    "dockerImageManifests",
    "dockerImageSignatures",
    "signatures",
]


@pytest.mark.parametrize("field", FIELDS_OF_EVERY_SHAPE)
@pytest.mark.parametrize("nothing", NOTHING, ids=repr)
def test_every_spelling_of_nothing_is_absence(field: str, nothing: Any) -> None:
    """Absent, null, "", [] and {} give the same row, but for the raw object."""
    (absent,) = decoded(image())
    (spelled,) = decoded(image(**{field: nothing}))
    assert absent | {"raw_json": ""} == spelled | {"raw_json": ""}


@pytest.mark.parametrize("field", ["Created", "ContainerConfig", "Config", "Architecture", "Size"])
@pytest.mark.parametrize("nothing", NOTHING, ids=repr)
def test_every_spelling_of_nothing_is_absence_inside_objects(field: str, nothing: Any) -> None:
    """The same holds inside an object that says something else."""
    (absent,) = decoded(image(dockerImageMetadata={"Id": "sha256:1"}))
    (spelled,) = decoded(image(dockerImageMetadata={"Id": "sha256:1", field: nothing}))
    assert absent | {"raw_json": ""} == spelled | {"raw_json": ""}


def test_zero_false_and_empty_members_are_said() -> None:
    """A size of 0, a false and an empty member of a list or map are content, not absence."""
    config = {"Tty": False, "Cmd": [""], "Labels": {"vendor": ""}}
    (row,) = decoded(image(dockerImageMetadata={"Size": 0, "Config": config}, metadata={"annotations": {"order": ""}}))
    metadata = row["docker_image_metadata"]
    assert (metadata["size"], metadata["config"]["tty"], metadata["config"]["cmd"]) == (0, False, [""])
    assert (metadata["config"]["labels"], row["metadata"]["annotations"]) == ({"vendor": ""}, {"order": ""})


WRONG = {
    "a string where a number belongs": (
        {"dockerImageLayers": [{"name": "a", "size": 1}, {"name": "b", "size": "7"}]},
        "$.dockerImageLayers[1].size",
    ),
    "a fraction": ({"dockerImageLayers": [{"size": 1.5}]}, "$.dockerImageLayers[0].size"),
    "more than 64 bits": ({"dockerImageMetadata": {"Size": 2**63}}, "$.dockerImageMetadata.Size"),
    "far more than 64 bits": ({"dockerImageMetadata": {"Size": 10**400}}, "$.dockerImageMetadata.Size"),
    "a number where text belongs": ({"dockerImageReference": 5}, "$.dockerImageReference"),
    "text where a flag belongs": (
        {"dockerImageMetadata": {"Config": {"Tty": "yes"}}},
        "$.dockerImageMetadata.Config.Tty",
    ),
    "an object where a list belongs": ({"dockerImageLayers": {"name": "a"}}, "$.dockerImageLayers"),
    "a number in a list of text": (
        {"dockerImageMetadata": {"Config": {"Env": ["A=1", 2]}}},
        "$.dockerImageMetadata.Config.Env[1]",
    ),
    "a number in a map": ({"metadata": {"annotations": {"a": 1}}}, "$.metadata.annotations"),
    "text where an object belongs": ({"dockerImageMetadata": "x"}, "$.dockerImageMetadata"),
    "a moment that is none": ({"metadata": {"creationTimestamp": "yesterday"}}, "metadata: creationTimestamp"),
    "a moment without a zone": (
        {"metadata": {"creationTimestamp": "2024-01-01T00:00:00"}},
        "metadata: creationTimestamp",
    ),
    "a day that is not in the calendar": (
        {"metadata": {"creationTimestamp": "2024-02-30T00:00:00Z"}},
        "metadata: creationTimestamp",
    ),
    "a moment deep inside": (
        {"signatures": [{"conditions": [{"lastProbeTime": "x"}]}]},
        "signatures: conditions: lastProbeTime",
    ),
    "another kind": ({"kind": "Status"}, "'Status'"),
}


@pytest.mark.parametrize(("fields", "where"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_type_names_page_item_and_field(fields: dict[str, Any], where: str) -> None:
    """The error says which page, which item with its name, and which field."""
    wrong = image(2, **fields)
    with pytest.raises(DecodeError) as caught:
        decoded(image(1), wrong)
    assert f"page 1, item 2 ({wrong['metadata']['name']})" in caught.value.message
    assert where in caught.value.message


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "0x10", "01"])
def test_numbers_json_does_not_have_are_refused(number: str) -> None:
    """NaN, infinities and numbers no machine holds are errors, never a value."""
    with pytest.raises(DecodeError, match="page 1, item 1"):
        decoded(b'{"metadata":{"name":"n"},"dockerImageMetadata":{"Size":%s}}' % number.encode())


@pytest.mark.parametrize(
    "item", [b"[]", b"5", b"null", b'"x"', b"", b"{", b'{"metadata":{}}', b'{"metadata":{"name":""}}']
)
def test_an_item_that_is_no_named_object_is_refused(item: bytes) -> None:
    """An item must be an object with a name."""
    with pytest.raises(DecodeError, match="page 1, item 1"):
        decoded(item)


@pytest.mark.parametrize(
    ("stated", "complaint"),
    [({"kind": "Pod"}, "of kind 'Pod'"), ({"apiVersion": "config.openshift.io/v1"}, "API 'config.openshift.io/v1'")],
)
def test_an_object_of_another_kind_or_api_is_refused(stated: dict[str, str], complaint: str) -> None:
    """What says of itself that it is no Image is none, wherever it stands in its text."""
    with pytest.raises(DecodeError, match=complaint):
        decode_page(Page("p", [json.dumps({"metadata": {"name": "a"}, **stated}).encode()]))


def test_bad_items_are_skipped_only_on_request_and_each_is_named() -> None:
    """Skipping keeps the good rows and an entry with page, number and reason for each bad one."""
    bad_items = BadItems(skip=True)
    items = [image(1), image(2, dockerImageReference=5), image(3), image(4, metadata={"creationTimestamp": "x"}), {}]
    page = Page("page 7", [json.dumps(item).encode() for item in items], first_number=101)
    rows = decode_page(page, bad_items).to_pylist()
    assert [row["metadata"]["name"] for row in rows] == [items[0]["metadata"]["name"], items[2]["metadata"]["name"]]
    assert sorted((item.origin, item.number) for item in bad_items.skipped) == [("page 7", n) for n in (102, 104, 105)]
    assert all(item.reason for item in bad_items.skipped)


def test_lower_case_metadata_of_old_objects_is_read() -> None:
    """`pre012` marks objects whose metadata has lower-case keys; without the mark they are unknown fields."""
    old = {"id": "abc", "created": "2014-01-01T00:00:00Z", "container_config": {"Env": ["A=1"]}, "size": 7}
    (marked,) = decoded(image(dockerImageMetadata=old, dockerImageMetadataVersion="pre012"))
    metadata = marked["docker_image_metadata"]
    assert (metadata["id"], metadata["size"], metadata["container_config"]["env"]) == ("abc", 7, ["A=1"])
    assert metadata["created"].year == 2014
    (unmarked,) = decoded(image(dockerImageMetadata=old))
    assert unmarked["docker_image_metadata"] is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-15T08:00:01Z", "2024-05-15T08:00:01+00:00"),
        ("2024-05-15T08:00:01+02:00", "2024-05-15T06:00:01+00:00"),
        ("2024-05-15T08:00:01.123456789Z", "2024-05-15T08:00:01.123456+00:00"),
        ("2024-05-15T08:00:01.5Z", "2024-05-15T08:00:01.500000+00:00"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:00"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59+00:00"),
    ],
)
def test_moments_are_read_whatever_stands_beside_them(text: str, expected: str) -> None:
    """Zones are turned to UTC and digits beyond microseconds cut off, the same alone and beside others."""
    for others in ([], [image(2, metadata={"creationTimestamp": "2024-01-01T00:00:00.000000001Z"})]):
        rows = decoded(image(1, metadata={"creationTimestamp": text}), *others)
        assert rows[0]["metadata"]["creation_timestamp"].isoformat() == expected


@pytest.mark.parametrize(
    "text",
    ["2024-05-15T08:00:61Z", "2024-02-30T08:00:00Z", "2024-05-15T08:00:0Z", "2024-05-15T08:00+02Z", "2024-05-15"],
)
def test_what_only_looks_like_a_moment_is_refused(text: str) -> None:
    """Neither the short way for whole seconds nor the long one takes a text for a moment that is none."""
    with pytest.raises(DecodeError, match="creationTimestamp"):
        decoded(image(metadata={"name": "a", "creationTimestamp": text}))


def test_a_moment_before_year_one_is_kept() -> None:
    """Builders may write any date; one that Python has no name for does not stop an export."""
    text = json.dumps(image(dockerImageMetadata={"Created": "0000-12-31T00:00:00Z"})).encode()
    created = decode_page(Page("page 1", [text])).column("docker_image_metadata").field("created")
    assert created.cast("string").to_pylist() == ["0000-12-31 00:00:00.000000Z"]


def test_raw_object_is_kept_token_by_token() -> None:
    """White space between lines goes, every token stays: numbers, escapes and order of keys."""
    text = b'{\n  "z": 1.50,\n  "metadata": {"name": "n\\u00e9"},\n  "big": 123456789012345678901234567890\n}\n'
    (row,) = decoded(text)
    assert row["raw_json"] == '{"z":1.50,"metadata":{"name":"n\\u00e9"},"big":123456789012345678901234567890}'


# --- properties -------------------------------------------------------------------------------------------------

_WORDS = st.sampled_from(["", "a", "sha256:0", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00.123456789Z", "é\u2028"])
_SIZES = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))
_LAYERS = st.lists(st.one_of(st.none(), st.fixed_dictionaries({"name": _WORDS, "size": _SIZES})), max_size=3)
_TIMES = st.sampled_from([None, "2024-01-01T00:00:00Z", "2024-01-01T00:00:00.5+02:00", "0001-01-01T00:00:00Z"])
_ITEMS = st.lists(
    st.builds(
        lambda number, layers, created, labels: image(
            number,
            dockerImageLayers=layers,
            dockerImageMetadata={"Created": created, "Config": {"Labels": labels}},
            signatures=[{"content": "AA==", "created": created}] if created else None,
        ),
        st.integers(0, 5),
        st.one_of(st.none(), _LAYERS),
        _TIMES,
        st.one_of(st.none(), st.dictionaries(_WORDS, st.one_of(st.none(), _WORDS), max_size=2)),
    ),
    max_size=4,
)


@given(_ITEMS, _ITEMS)
def test_decoding_two_pages_is_decoding_one_after_the_other(first: list[Any], second: list[Any]) -> None:
    """A row depends on its own object alone: pages can be cut anywhere."""
    assert decoded(*first, *second) == decoded(*first) + decoded(*second)


@given(_ITEMS)
def test_raw_object_equals_the_source(items: list[Any]) -> None:
    """`raw_json` parses to the object that came."""
    assert [json.loads(row["raw_json"]) for row in decoded(*items)] == items


_WHOLE = page_text(json.loads(gzip.decompress(SAMPLE.read_bytes()))["items"][:6], resourceVersion="1")


@st.composite
def _damaged(draw: st.DrawFn) -> bytes:
    """Draw a real page with some bytes changed, taken out or put in."""
    body = bytearray(_WHOLE)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        body[start : start + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(body[: draw(st.one_of(st.just(len(body)), st.integers(0, len(body))))])


@given(_damaged())
def test_damaged_bytes_raise_nothing_but_decode_errors(body: bytes) -> None:
    """Whatever happens to a page, it decodes or the error is ours and names the page."""
    with _allowed_error("page 1"):
        page = read_page(body, "page 1")
        assert decode_page(page).num_rows == len(page.items)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.floats(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["name", "size", "Config", "metadata", "content", "conditions"]), inner, max_size=3
            )
        ),
    )
)
def test_any_json_in_any_field_decodes_or_is_refused(value: Any) -> None:
    """No JSON value in a field of the API makes the decoder fail in a way of its own."""
    for field in (*FIELDS_OF_EVERY_SHAPE, "metadata", "kind", "dockerImageMetadataVersion"):
        with _allowed_error("page 1, item 1"):
            decoded(json.dumps({"metadata": {"name": "n"}, field: value}).encode())


@contextmanager
def _allowed_error(where: str) -> Iterator[None]:
    """Let a `DecodeError` pass if it says where; anything else fails the test."""
    try:
        yield
    except DecodeError as error:
        if where not in error.message:
            raise
