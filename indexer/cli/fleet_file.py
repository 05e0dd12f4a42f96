"""A fleet file: the clusters of a fleet in TOML, a table each, with the keys of the command line's options."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from indexer.cli.fleet_options import Member
from indexer.errors import ConfigurationError

if TYPE_CHECKING:
    from indexer.cli.live_options import ConnectionOptions

_EXAMPLE = 'Write a table for each: [[cluster]], name = "prod", context = "prod/admin".'


class _Cluster(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    name: str | None = None
    context: str | None = None
    kubeconfig: str | None = None
    server: str | None = None
    token_file: str | None = None
    certificate_authority: str | None = None


class _Fleet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    cluster: list[_Cluster]
    parallel: int | None = None


def read_fleet(path: Path, common: ConnectionOptions) -> tuple[list[Member], int | None]:
    """Return the clusters of a fleet file and how many it wants read at once; relative paths are beside the file.

    `common` has what holds for all, such as impersonation. Raises `ConfigurationError` for a file that can't be read,
    unknown keys, and clusters without an address.
    """
    try:
        fleet = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _Fleet)
    except OSError as error:
        raise ConfigurationError(f"Can't read {path}: {error.strerror or error}.", hint="Check --fleet.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ConfigurationError(f"{path} is no fleet file: {error}.", hint=_EXAMPLE) from error
    if not fleet.cluster or (fleet.parallel is not None and fleet.parallel < 1):
        raise ConfigurationError(f"{path} has no cluster, or less than one at once.", hint=_EXAMPLE)
    return [_member(each, number, path, common) for number, each in enumerate(fleet.cluster, 1)], fleet.parallel


def _member(cluster: _Cluster, number: int, path: Path, common: ConnectionOptions) -> Member:
    if not (cluster.context or cluster.server or cluster.kubeconfig):
        raise ConfigurationError(
            f"{path}: cluster {number} ({cluster.name or 'unnamed'}) has no context, kubeconfig or server.",
            hint=_EXAMPLE,
        )
    folder = path.absolute().parent
    connection = replace(
        common,
        server=cluster.server,
        context=cluster.context,
        kubeconfig=_beside(folder, cluster.kubeconfig),
        token_file=_beside(folder, cluster.token_file),
        certificate_authority=_beside(folder, cluster.certificate_authority),
    )
    return Member(cluster.name, connection)


def _beside(folder: Path, name: str | None) -> Path | None:
    return folder / Path(name).expanduser() if name else None
