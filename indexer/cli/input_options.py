"""Options on what is read: bad items, redaction, and limits for files from strangers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from indexer.cli.options import applied, packed
from indexer.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.redaction import Redactor
    from indexer.sources.limits import InputLimits

_KEY_LEAST_BYTES = 16


@dataclass(frozen=True, slots=True)
class ItemOptions:
    """What becomes of items: of those that can't be read, and of variables' values, replaced by hashes with a key."""

    on_bad_item: str
    names: tuple[str, ...]
    key_file: Path | None

    @property
    def skip_bad(self) -> bool:
        """Whether bad items are left out."""
        return self.on_bad_item == "skip"

    def redactor(self) -> Redactor | None:
        """Make the redactor; None where nothing is to be redacted. Raises `ConfigurationError` for a bad key file."""
        if not self.names:
            if self.key_file:
                raise ConfigurationError("--redaction-key-file needs --redact-env.", hint="Add --redact-env secrets.")
            return None
        from indexer.redaction import Redactor

        return Redactor(self.names, _read_key(self.key_file) if self.key_file else None)


def _read_key(path: Path) -> bytes:
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise ConfigurationError(f"Can't read {path}: {error.strerror or error}.", hint="Check the path.") from error
    if len(key) < _KEY_LEAST_BYTES:
        hint = f"Make one of {_KEY_LEAST_BYTES} bytes or more: openssl rand -hex 32 > {path.name}."
        raise ConfigurationError(f"The key in {path} is too short.", hint=hint)
    return key


def item_options(command: Callable[..., Any]) -> Any:
    """`--on-bad-item`, `--redact-env` and `--redaction-key-file`, handed over as one `items`."""
    return applied(
        packed(command, "items", ItemOptions, ("on_bad_item", "redact_env", "redaction_key_file")),
        click.option(
            "--on-bad-item",
            type=click.Choice(("fail", "skip")),
            default="fail",
            show_default=True,
            help="Whether an item that can't be read fails the run.",
        ),
        click.option(
            "--redact-env",
            multiple=True,
            metavar="NAME",
            help="Store hashes in place of the values of environment variables: `secrets` for the usual names, `all`, "
            "or a pattern such as '*_URL'; repeatable.",
        ),
        click.option(
            "--redaction-key-file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Key of the hashes, so that they compare across snapshots; a new one each run by default.",
        ),
    )


@dataclass(frozen=True, slots=True)
class InputOptions:
    """How input is judged: `is_complete` overrules what it shows."""

    is_complete: bool | None
    settings: tuple[str, ...]

    def limits(self) -> InputLimits:
        """Return the limits. Raises `ConfigurationError` for an unknown one."""
        from indexer.sources.limits import InputLimits

        return InputLimits().with_settings(self.settings)


def input_options(command: Callable[..., Any]) -> Any:
    """`--complete/--partial` and `--input-limit`, handed over as one `judged`."""
    return applied(
        packed(command, "judged", InputOptions, ("is_complete", "input_limit")),
        click.option("--complete/--partial", "is_complete", default=None, help="Overrule what the input shows."),
        click.option(
            "--input-limit",
            multiple=True,
            metavar="NAME=N",
            help="Raise a limit on what input may unpack to: ratio, unpacked_bytes, members, nesting, object_bytes, "
            "depth; repeatable.",
        ),
    )
