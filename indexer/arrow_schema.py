"""The Arrow schema of a Parquet part, derived from `schema`; each sentence rides along as field metadata."""

from __future__ import annotations

from functools import cache

import pyarrow as pa

from indexer.schema import PART_FIELDS, SCHEMA_VERSION, Field, ListOf, Scalar, Type

_SCALARS: dict[Scalar, pa.DataType] = {
    Scalar.STRING: pa.string(),
    Scalar.INTEGER: pa.int64(),
    Scalar.BOOLEAN: pa.bool_(),
    Scalar.TIMESTAMP: pa.timestamp("us", tz="UTC"),
    Scalar.STRING_MAP: pa.map_(pa.string(), pa.string()),
    Scalar.KEYS: pa.list_(pa.string()),
}

VERSION_KEY = b"image_indexer.schema_version"
"""Key of the schema version in the key-value metadata of a part."""


@cache
def arrow_type(of: Type) -> pa.DataType:
    """Arrow type of a declared type."""
    if isinstance(of, Scalar):
        return _SCALARS[of]
    if isinstance(of, ListOf):
        return pa.list_(arrow_type(of.item))
    return pa.struct([arrow_field(part) for part in of.fields])


def arrow_field(field: Field) -> pa.Field:
    """Arrow field with its sentence as metadata under `description`."""
    return pa.field(field.name, arrow_type(field.type), metadata={"description": field.sentence})


@cache
def part_schema() -> pa.Schema:
    """Return the schema of a part, one row an Image, with the schema version in its metadata."""
    return pa.schema([arrow_field(field) for field in PART_FIELDS], metadata={VERSION_KEY: str(SCHEMA_VERSION)})
