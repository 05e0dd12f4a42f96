"""Documents come apart into the objects they are made of, wherever blocks end and whatever stands in strings."""

from __future__ import annotations

import io
import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from input_forms import corpus, indent, pretty, saved_list, to_yaml

from indexer.errors import DecodeError
from indexer.sources import json_pieces as json_module
from indexer.sources import yaml_pieces as yaml_module
from indexer.sources.files import PAGE_ITEMS, FileSource
from indexer.sources.limits import InputLimits
from indexer.sources.pieces import Broken, Envelope, Items, Whole
from indexer.sources.streams import Stream
from indexer.sources.yaml_values import plain_value

TEXTS = st.text(st.sampled_from('{}[]"\\,:items\n é\u2028'), max_size=8)
KEYS = TEXTS.filter(lambda key: key != "items")
SCALARS = st.one_of(TEXTS, st.integers(-9, 10**20), st.booleans(), st.none(), st.floats(allow_nan=False, width=16))
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)
INDENTS = st.sampled_from([None, 1, 4])


@pytest.fixture(autouse=True, params=[7, 300])
def _small_blocks(monkeypatch, request):
    """Blocks of a few bytes, so that everything is cut somewhere, and of some elements."""
    monkeypatch.setattr(json_module, "BLOCK_BYTES", request.param)
    monkeypatch.setattr(yaml_module, "BLOCK_BYTES", request.param)
    monkeypatch.setattr(yaml_module, "_BATCH_BYTES", 30)


def take_apart(pieces_of, text):
    """Read a text into pieces."""
    return list(pieces_of(Stream(io.BytesIO(text)), "x", InputLimits()))


def values_of(pieces):
    """Parse the texts of pieces, in order."""
    texts = (text for piece in pieces for text in (piece.texts if isinstance(piece, Items) else [piece.text]))
    return [json.loads(bytes(text)) for text in texts]


@given(st.lists(VALUES), OBJECTS, OBJECTS, INDENTS)
def test_a_list_comes_apart_into_its_items_and_the_rest(items, before, after, width):
    """Items are handed out as their very text, in order; what is around them comes last."""
    text = json.dumps({**before, "items": items, **after}, indent=width)
    *found, envelope = take_apart(json_module.json_pieces, text.encode())
    assert all(type(piece) is Items for piece in found)
    assert values_of(found) == items
    assert (json.loads(envelope.text), envelope.item_count) == ({**before, **after}, len(items))


@given(st.lists(OBJECTS), st.sampled_from(["", " ", "\n", "\r\n\n", "\x1e"]), INDENTS)
def test_objects_that_follow_each_other(objects, between, width):
    """Lines and indented documents come apart the same, whatever is between them."""
    text = between.join(json.dumps(value, indent=width) for value in objects)
    found = take_apart(json_module.json_pieces, text.encode())
    assert values_of(found) == objects


@given(st.lists(OBJECTS, min_size=1), st.data())
def test_a_cut_list_is_an_error(items, data):
    """No beginning of a list is taken for a list."""
    text = json.dumps({"kind": "List", "items": items}).encode()
    cut = data.draw(st.integers(1, len(text) - 1))
    with pytest.raises(DecodeError):
        take_apart(json_module.json_pieces, text[:cut])


YAML_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12) | TEXTS
YAML_SCALARS = st.one_of(YAML_TEXTS, st.integers(-(10**17), 10**17), st.booleans(), st.none())
YAML_VALUES = st.recursive(
    YAML_SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(YAML_TEXTS, inner, max_size=3)
)
YAML_OBJECTS = st.dictionaries(st.sampled_from(["a", "kind", "spec", "é"]), YAML_VALUES, max_size=4)


@given(st.lists(YAML_OBJECTS, min_size=1), st.booleans())
def test_yaml_comes_apart_like_json(items, is_indented):
    """Batches of items parse to the values that were written, at either indentation `oc` and people use."""
    body = to_yaml(items)
    text = b"apiVersion: v1\nitems:\n" + (indent(body, "  ") if is_indented else body) + b"kind: List\n"
    *found, envelope = take_apart(yaml_module.yaml_pieces, text)
    assert values_of(found) == items
    assert isinstance(envelope, Envelope)
    assert json.loads(envelope.text) == {"apiVersion": "v1", "kind": "List"}


@given(st.lists(YAML_OBJECTS.filter(bool), min_size=1))
def test_documents_of_yaml(objects):
    """Documents divided by `---` are one object each."""
    text = yaml.dump_all(objects, Dumper=yaml.CSafeDumper, allow_unicode=True).encode()
    found = take_apart(yaml_module.yaml_pieces, text)
    assert values_of(found) == objects


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024-05-15T08:00:01Z", "2024-05-15T08:00:01Z"),
        ("2024-05-15", "2024-05-15"),
        ("on", "on"),
        ("no", "no"),
        ("12:30:45", "12:30:45"),
        ("1_000", "1_000"),
        ("0o17", "0o17"),
        ("0x1F", "0x1F"),
        (".nan", ".nan"),
        ("=", "="),
        ("-", "-"),
        ("9" * 40, "9" * 40),
        ("12", 12),
        ("-1.5e3", -1500.0),
        ("true", True),
        ("~", None),
        ("", None),
    ],
)
def test_plain_words_are_json_values_or_text(text, value):
    """Times and the words of YAML 1.1 stay text, as in the API's JSON."""
    assert plain_value(text) == value
    assert type(plain_value(text)) is type(value)


def test_a_broken_item_of_yaml_is_named_by_its_line():
    """Its neighbours are read; the error says where it stands."""
    text = b"kind: List\nitems:\n- a: 1\n- b: [\n- c: 3\n"
    first, broken, last, _ = take_apart(yaml_module.yaml_pieces, text)
    assert values_of([first, last]) == [{"a": 1}, {"c": 3}]
    assert isinstance(broken, Broken)
    assert "x, line" in broken.error.message


def test_aliases_across_items():
    """Anchors set in one item serve the next ones; merge keys are merged."""
    text = b"items:\n- &one\n  a: &b {x: 1}\n- <<: *one\n  c: *b\n"
    found = [piece for piece in take_apart(yaml_module.yaml_pieces, text) if isinstance(piece, Items)]
    assert values_of(found) == [{"a": {"x": 1}}, {"a": {"x": 1}, "c": {"x": 1}}]


def test_keys_that_are_ruby_symbols():
    """A fixture of symbols reads like one of texts."""
    text = b"---\n:metadata:\n  :name: x\n:list:\n- :a: b\n"
    assert values_of(take_apart(yaml_module.yaml_pieces, text)) == [{"metadata": {"name": "x"}, "list": [{"a": "b"}]}]


def test_the_corpus_in_both_languages():
    """JSON and YAML of the same list give the same objects."""
    from_json = take_apart(json_module.json_pieces, pretty(saved_list(corpus()[:8])))
    from_yaml = take_apart(yaml_module.yaml_pieces, to_yaml(saved_list(corpus()[:8])))
    assert values_of(from_json) == values_of(from_yaml)
    assert not any(isinstance(piece, Whole) for piece in from_json + from_yaml)


def test_a_page_has_its_size_however_much_comes_at_once(tmp_path, monkeypatch):
    """Small Images behind one that fills a block by far are cut into pages of the usual size, each in its place."""
    names = [f"sha256:{number:064}" for number in range(3_000)]
    images = [{"metadata": {"name": name}} for name in names]
    images[0] |= {"dockerImageManifest": " " * (1 << 20)}
    path = tmp_path / "images.json"
    path.write_text(json.dumps({"kind": "ImageList", "metadata": {}, "items": images}), encoding="utf-8")
    monkeypatch.setattr(json_module, "BLOCK_BYTES", 1 << 18)
    pages = list(FileSource([str(path)]).pages())
    assert max(len(page.items) for page in pages) < 2 * PAGE_ITEMS
    found = [(page.place(at).number, json.loads(bytes(item))) for page in pages for at, item in enumerate(page.items)]
    assert found == list(enumerate(images, start=1))
