"""Signatures of stored Images under a keyring: verified when they are asked for, never stored.

Keys expire and are revoked, so an answer is of the moment it is given in. Each distinct content is verified once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.table_schema import KEYRING_KEYS, SIGNATURE_VERIFICATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import duckdb

    from indexer.signature.keyring import Key, Keyring

_OUTCOME = [column.name for column in SIGNATURE_VERIFICATIONS.columns[1:]]
BATCH_ROWS = 512
"""Contents in memory at a time; one is about 1 KiB and never above 1.5 MiB, the limit of etcd for the whole object."""


def read_keyrings(paths: Iterable[Path]) -> Keyring:
    """Read keyring files; see `indexer.signature.keyring`, which is imported only where keyrings are used."""
    from indexer.signature import keyring

    return keyring.read_keyrings(paths)


def insert_keys(connection: duckdb.DuckDBPyConnection, keyring: Keyring) -> None:
    """Fill the table `keyring_keys`."""
    places = ", ".join("?" * len(KEYRING_KEYS.columns))
    connection.executemany(
        f"INSERT INTO {KEYRING_KEYS.name} VALUES ({places})", [_key_row(key) for key in keyring.keys]
    )


def _key_row(key: Key) -> Sequence[object]:
    certificate = key.certificate
    return (
        key.fingerprint,
        key.key_id,
        certificate.fingerprint,
        certificate.user_id,
        key.bound_at,
        key.expires_at,
        key.is_revoked,
        key.is_signing,
        certificate.refusal,
    )


def insert_verifications(connection: duckdb.DuckDBPyConnection, schema: str, keyring: Keyring) -> None:
    """Verify each content of the schema's stored images that was not verified yet."""
    import pyarrow as pa

    schema_of_rows = pa.schema([(column.name, pa.string()) for column in SIGNATURE_VERIFICATIONS.columns])
    # An open result owns its connection, so reading and writing have a cursor each.
    writer = connection.cursor()
    for batch in connection.cursor().sql(_unverified_sql(schema)).to_arrow_reader(BATCH_ROWS):
        rows = [_verification_row(row, keyring) for row in batch.to_pylist()]
        writer.register("verified_batch", pa.Table.from_pylist(rows, schema_of_rows))
        writer.execute(f"INSERT INTO main.{SIGNATURE_VERIFICATIONS.name} FROM verified_batch")
        writer.unregister("verified_batch")


def _verification_row(row: dict[str, str], keyring: Keyring) -> dict[str, str | None]:
    from indexer.signature.verification import verify_content

    verification = verify_content(row["content"], keyring)
    return {"content_digest": row["content_digest"], **{name: getattr(verification, name) for name in _OUTCOME}}


def _unverified_sql(schema: str) -> str:
    return f"""
        WITH contents AS (
            SELECT DISTINCT coalesce(e.signature.content, '') AS content
            FROM {schema}.stored_images AS s
            CROSS JOIN UNNEST(s.signatures) AS e (signature)
            WHERE s.signatures IS NOT NULL
        )
        SELECT sha256(c.content) AS content_digest, c.content
        FROM contents AS c
        WHERE sha256(c.content) NOT IN (SELECT v.content_digest FROM main.{SIGNATURE_VERIFICATIONS.name} AS v)
    """
