"""Kubeconfig files as kubectl reads them: several files, contexts, paths beside the file that names them.

The files are merged here and not by the official client: it takes the last `current-context` instead of the first, and
names the whole entry, token and all, in its messages. It gets the one selected entry of each kind.
Rules: client-go `tools/clientcmd` (loader.go, client_config.go, validation.go).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexer.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

_FILE_KEYS = ("certificate-authority", "client-certificate", "client-key")
_KINDS = {"clusters": "cluster", "users": "user", "contexts": "context"}
_HINT = "Compare it with: oc config view."


@dataclass(frozen=True, slots=True)
class Selection:
    """One context: its name, its cluster and its user, with absolute paths; `folder` is that of the user's file."""

    name: str
    cluster: dict[str, Any] = field(repr=False)
    user: dict[str, Any] = field(repr=False)
    folder: Path


@dataclass(frozen=True, slots=True)
class _Entry:
    value: dict[str, Any] = field(repr=False)
    folder: Path


def kubeconfig_paths(option: Path | None, environ: Mapping[str, str] = os.environ) -> list[Path]:
    """Find the files: the option's alone, else those of $KUBECONFIG that exist, else ~/.kube/config if it exists.

    Raises `ConfigurationError` where something is named that is not there.
    """
    if option:
        if not option.is_file():
            raise ConfigurationError(f"There is no kubeconfig {option}.", hint="Check --kubeconfig.")
        return [option]
    named = [Path(text).expanduser() for text in environ.get("KUBECONFIG", "").split(os.pathsep) if text]
    found = list(dict.fromkeys(path for path in named if path.is_file()))
    if named and not found:
        raise ConfigurationError(
            f"No file of $KUBECONFIG exists: {', '.join(map(str, named))}.", hint="Correct the variable or unset it."
        )
    default = Path(environ.get("HOME") or "~").expanduser() / ".kube" / "config"
    return found or ([default] if default.is_file() else [])


def select_context(paths: list[Path], context: str | None = None) -> Selection:
    """Merge files and pick a context, the current one unless another is named.

    Raises `ConfigurationError` for files that can't be read, and for a context, cluster or user that is not there.
    """
    documents = [(_read(path), path.absolute().parent) for path in paths]
    entries = {kind: _merge(documents, kind) for kind in _KINDS}
    name = context or next((text for document, _ in documents if (text := document.get("current-context"))), None)
    if not name:
        raise ConfigurationError("The kubeconfig has no current context.", hint="Name one with --context.")
    chosen = _find(entries, "contexts", name, f"The context {name}").value
    cluster = _find(entries, "clusters", chosen.get("cluster"), f"The cluster of context {name}")
    user = _find(entries, "users", chosen["user"], f"The user of context {name}") if chosen.get("user") else None
    return Selection(
        name=str(name),
        cluster=_absolute(cluster),
        user=_absolute(user) if user else {},
        folder=user.folder if user else cluster.folder,
    )


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The kubeconfig {path} can't be read: {type(error).__name__}.") from None
    except yaml.YAMLError as error:
        # The parser's own message quotes the line, which may be the one with the token.
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise ConfigurationError(f"The kubeconfig {path} is not YAML{where}.", hint=_HINT) from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigurationError(f"The kubeconfig {path} is not a kubeconfig.", hint=_HINT)
    return document


def _merge(documents: list[tuple[dict[str, Any], Path]], kind: str) -> dict[str, _Entry]:
    """Collect the entries of a kind by name; the first file that defines a name wins entirely."""
    merged: dict[str, _Entry] = {}
    for document, folder in documents:
        for item in document.get(kind) or ():
            if not isinstance(item, dict) or not isinstance(item.get(_KINDS[kind]) or {}, dict):
                raise ConfigurationError(f"The {kind} of the kubeconfig in {folder} are malformed.", hint=_HINT)
            merged.setdefault(str(item.get("name")), _Entry(item.get(_KINDS[kind]) or {}, folder))
    return merged


def _find(entries: dict[str, dict[str, _Entry]], kind: str, name: Any, what: str) -> _Entry:
    found = entries[kind].get(str(name))
    if found is None:
        known = ", ".join(sorted(entries[kind])) or "none"
        raise ConfigurationError(f"{what} is not in the kubeconfig; known {kind}: {known}.", hint=_HINT)
    return found


def _absolute(entry: _Entry) -> dict[str, Any]:
    """Drop what is empty, prefer data over files, and make paths relative to their file absolute."""
    values = {key: value for key, value in entry.value.items() if value not in (None, "")}
    for key in _FILE_KEYS:
        if f"{key}-data" in values:
            values.pop(key, None)
        elif key in values:
            values[key] = str(entry.folder / Path(str(values[key])).expanduser())
    if "tokenFile" in values:
        values["tokenFile"] = str(entry.folder / Path(str(values["tokenFile"])))
    return values
