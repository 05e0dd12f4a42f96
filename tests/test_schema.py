"""The schema as data, and what is derived from it."""

from __future__ import annotations

import datetime as dt
import gzip
import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from image_objects import decoded, image

from indexer.arrow_schema import VERSION_KEY, arrow_type, part_schema
from indexer.decode import decode_page
from indexer.pages import read_page
from indexer.schema import IMAGE, PART_FIELDS, SCHEMA_VERSION, Field, ListOf, Scalar, Struct, snake_case
from indexer.table_schema import TABLES
from indexer.view_schema import VIEWS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

NOT_IN_THE_SAMPLE = {
    "api_version": "items of a list page do not state it",
    "kind": "items of a list page do not state it",
    "docker_image_metadata.container_config": "filled by `docker build` only, and then like `config`",
    "docker_image_metadata.config.hostname": "left by classic docker builds",
    "docker_image_metadata.config.domainname": "left by classic docker builds",
    "docker_image_metadata.config.memory_swap": "a setting of containers that images do not carry today",
    "docker_image_metadata.config.cpu_shares": "a setting of containers that images do not carry today",
    "docker_image_metadata.config.cpuset": "a setting of containers that images do not carry today",
    "docker_image_metadata.config.attach_stdin": "a setting of containers that images do not carry today",
    "docker_image_metadata.config.attach_stdout": "a setting of containers that images do not carry today",
    "docker_image_metadata.config.attach_stderr": "a setting of containers that images do not carry today",
    "docker_image_metadata.config.port_specs": "replaced by exposed ports long ago",
    "docker_image_metadata.config.open_stdin": "a setting of containers that images do not carry today",
    "docker_image_metadata.config.stdin_once": "a setting of containers that images do not carry today",
    "docker_image_metadata.config.dns": "a setting of containers that images do not carry today",
    "docker_image_metadata.config.volumes_from": "a setting of containers that images do not carry today",
    "docker_image_metadata.config.network_disabled": "a setting of containers that images do not carry today",
    "docker_image_metadata.config.security_opts": "a setting of containers that images do not carry today",
    "signatures.api_version": "the server does not state it inside an Image",
    "signatures.kind": "the server does not state it inside an Image",
    "signatures.metadata.annotations": "the server rejects them",
    "signatures.metadata.labels": "the server rejects them",
    "signatures.issued_by.organization": "no known writer fills it",
}


def fields_with_paths(fields: Sequence[Field], prefix: str = "") -> Iterator[tuple[str, Field]]:
    """Every field, nested ones too, with its path in column names."""
    for field in fields:
        yield prefix + field.name, field
        if isinstance(of := _item_type(field), Struct):
            yield from fields_with_paths(of.fields, f"{prefix}{field.name}.")


def _item_type(field: Field) -> Scalar | Struct:
    return field.type.item if isinstance(field.type, ListOf) else field.type


ALL_FIELDS = list(fields_with_paths(PART_FIELDS))


@pytest.mark.parametrize(("path", "field"), ALL_FIELDS, ids=[path for path, _ in ALL_FIELDS])
def test_every_field_has_a_sentence(path: str, field: Field) -> None:
    """Each field, nested ones too, is explained in a sentence that starts and ends like one."""
    assert re.fullmatch(r"[A-Z`0-9].*\.", field.sentence), path


@pytest.mark.parametrize("view", [*VIEWS, *TABLES], ids=lambda view: view.name)
def test_every_view_and_column_has_a_sentence(view: Any) -> None:
    """Each view and each of its columns is explained in a sentence, and no column stands twice."""
    for sentence in (view.sentence, *(column.sentence for column in view.columns)):
        assert re.fullmatch(r"[A-Z`0-9].*\.", sentence), view.name
    names = [column.name for column in view.columns]
    assert len(names) == len(set(names))


def test_names_of_columns_are_the_keys_of_the_api_in_snake_case() -> None:
    """Acronyms at the end of a key stay one word."""
    expected = {
        "publicKeyID": "public_key_id",
        "dockerImageManifestMediaType": "docker_image_manifest_media_type",
        "CpuShares": "cpu_shares",
        "Id": "id",
        "uid": "uid",
        "signature_readings": "signature_readings",
    }
    assert {key: snake_case(key) for key in expected} == expected


def test_no_two_fields_of_an_object_share_a_column() -> None:
    """Two keys of one object never become the same column."""
    paths = [path for path, _ in fields_with_paths(PART_FIELDS)]
    assert len(paths) == len(set(paths))


def test_arrow_schema_follows_the_fields_in_order() -> None:
    """The Arrow schema has a column a field, of the derived type, and the schema version in its metadata."""
    schema = part_schema()
    assert schema.names == [field.name for field in PART_FIELDS]
    assert [schema.field(field.name).type for field in PART_FIELDS] == [arrow_type(field.type) for field in PART_FIELDS]
    assert schema.metadata[VERSION_KEY] == str(SCHEMA_VERSION).encode()


def test_sentences_and_version_survive_parquet(tmp_path: Path) -> None:
    """A reader of a part finds the sentence of each column, nested ones too, and the schema version."""
    path = tmp_path / "part.parquet"
    pq.write_table(part_schema().empty_table(), path)
    read = pq.read_schema(path)
    assert read.metadata[VERSION_KEY] == str(SCHEMA_VERSION).encode()
    for path_of_field, field in fields_with_paths(PART_FIELDS):
        assert _nested(read, path_of_field).metadata[b"description"] == field.sentence.encode(), path_of_field


def _nested(schema: pa.Schema, path: str) -> pa.Field:
    first, *rest = path.split(".")
    found = schema.field(first)
    for name in rest:
        of = found.type.value_type if pa.types.is_list(found.type) else found.type
        found = of.field(name)
    return found


def _filled(of: Any, path: str) -> Any:
    """Make a JSON value of a declared type that tells where it stands."""
    if isinstance(of, ListOf):
        return [_filled(of.item, path), _filled(of.item, path)]
    if isinstance(of, Struct):
        return {field.key: _filled(field.type, f"{path}.{field.key}") for field in of.fields}
    values = {
        Scalar.STRING: path,
        Scalar.INTEGER: len(path),
        Scalar.BOOLEAN: True,
        Scalar.TIMESTAMP: "2024-05-15T08:00:01Z",
        Scalar.STRING_MAP: {path: ""},
        Scalar.KEYS: {path: {}},
    }
    return values[of]


def _as_column(of: Any, value: Any) -> Any:
    """Turn a JSON value into what its column shows."""
    if isinstance(of, ListOf):
        return [_as_column(of.item, item) for item in value]
    if isinstance(of, Struct):
        return {field.name: _as_column(field.type, value[field.key]) for field in of.fields}
    if of is Scalar.TIMESTAMP:
        return dt.datetime.fromisoformat(value)
    return list(value) if of is Scalar.KEYS else value


def test_an_object_with_every_field_fills_every_column() -> None:
    """Each field of the API arrives in its own column, at any depth."""
    item = _filled(IMAGE, "image") | {"kind": "Image"}
    (row,) = decoded(item)
    assert {field.name: row[field.name] for field in IMAGE.fields} == _as_column(IMAGE, item)


def _filled_paths(row: dict[str, Any], fields: Sequence[Field], prefix: str = "") -> Iterator[str]:
    for field in fields:
        value = row[field.name]
        members = value if isinstance(value, list) and isinstance(field.type, ListOf) else [value]
        members = [member for member in members if member is not None]
        if members:
            yield prefix + field.name
        if isinstance(of := _item_type(field), Struct):
            for member in members:
                yield from _filled_paths(member, of.fields, f"{prefix}{field.name}.")


def test_the_sample_fills_every_field_but_those_with_a_reason(sample_pages: list[Path]) -> None:
    """What the bundled sample does not show is listed here with the reason, and nothing else is missing."""
    filled: set[str] = set()
    for path in sample_pages:
        for row in decode_page(read_page(gzip.decompress(path.read_bytes()), path.name)).to_pylist(
            maps_as_pydicts="strict"
        ):
            filled.update(_filled_paths(row, PART_FIELDS))
    everything = {path for path, _ in fields_with_paths(PART_FIELDS)}
    missing = {
        path for path in everything - filled if not any(path.startswith(f"{parent}.") for parent in NOT_IN_THE_SAMPLE)
    }
    assert missing - {"docker_image_metadata.container_config"} == NOT_IN_THE_SAMPLE.keys() - {
        "docker_image_metadata.container_config"
    }


def test_unknown_fields_stay_in_the_raw_object() -> None:
    """A field the schema does not know costs nothing: it stands in `raw_json`."""
    (row,) = decoded(image(newField={"of": "tomorrow"}))
    assert '"newField": {"of": "tomorrow"}' in row["raw_json"]
