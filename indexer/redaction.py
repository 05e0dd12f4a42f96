"""Values of environment variables → keyed hashes, before anything is decoded or written.

An Image repeats its environment: in `Config` and `ContainerConfig`, in the texts of manifest and config (schema 1
nests JSON in JSON in JSON), in the history (`ENV TOKEN=…`, `|1 TOKEN=… /bin/sh -c …`), and in annotations that keep a
whole object (`kubectl.kubernetes.io/last-applied-configuration`). All of these are rewritten. Equal values give equal
hashes under one key, so that secrets remain comparable; without the key a hash can't be tried against guesses.

What else may hold secrets stays: labels and commands that name them in other words, references, and layers.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import msgspec

from indexer.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Sequence

SECRETS = "secrets"
ALL = "all"
SECRET_NAMES = (
    "*PASS*",
    "*PWD",
    "*SECRET*",
    "*TOKEN*",
    "*KEY*",
    "*CRED*",
    "*AUTH*",
    "*PRIVATE*",
    "*DSN",
    "*CONNECTION_STRING*",
)
"""Names (any case) that `secrets` stands for; it also covers values that are addresses with a password in them."""

_KEY_BYTES = 32
_HASH_DIGITS = 32
_KEY_ID_DIGITS = 8
_DISTINCT_CHARACTERS = 8
"""Values this long are replaced wherever they stand in free text; shorter ones only behind their name."""

_MOST_SECRETS = 1000
"""Each is looked for in each text of its object; images have some dozens of variables."""

_PASSWORD_IN_ADDRESS = re.compile(r"://[^/\s:@]*:[^/\s@]+@")
_ASSIGNMENT = re.compile(
    r"""(?<![A-Za-z0-9_])([A-Za-z_][A-Za-z0-9_]*+)(=|\s++)("(?:[^"\\]++|\\.)*+"|'[^']*+'|[^\s"']++)"""
)
"""`NAME=value` or `NAME value`. Linear: each start is behind what no name can hold, and nothing is tried twice."""

_FREE_TEXT_KEYS = frozenset({"labels", "annotations", "cmd", "entrypoint", "onbuild", "test", "created_by", "comment"})
_JSON_BRACKETS = ("{}", "[]")


class RedactionRecord(msgspec.Struct, frozen=True):
    """What the receipt says: which names, how many values, and which key (by a hash, to compare snapshots)."""

    names: list[str]
    value_count: int
    key_id: str


class Redactor:
    """Rewrites objects. `names` are patterns such as `*_TOKEN`, `secrets` for the usual ones, `all` for every name."""

    def __init__(self, names: Sequence[str], key: bytes | None = None) -> None:
        self.value_count = 0
        self._names = list(names)
        self._key = key or secrets.token_bytes(_KEY_BYTES)
        self._patterns = [pattern.upper() for name in names for pattern in _expanded(name)]
        self._covers_addresses = SECRETS in names or ALL in names
        text_names = [SECRETS if name == ALL else name for name in names]
        self._text_patterns = [pattern.upper() for name in text_names for pattern in _expanded(name)]

    @property
    def record(self) -> RedactionRecord:
        """For the receipt."""
        return RedactionRecord(self._names, self.value_count, self.key_id)

    @property
    def key_id(self) -> str:
        """Tells keys apart and gives none away."""
        return self._hash("key id")[:_KEY_ID_DIGITS]

    def redact(self, text: bytes) -> bytes:
        """Return an object's JSON without the values. Raises `DecodeError` for broken JSON."""
        try:
            value = msgspec.json.decode(text)
            found = _Values(self)
            found.collect(value)
            return msgspec.json.encode(found.rewritten(value))
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise DecodeError(f"the JSON is broken: {error}.") from error

    def is_secret(self, name: str, value: str) -> bool:
        """Whether a variable's value must go."""
        if self._covers_addresses and _PASSWORD_IN_ADDRESS.search(value):
            return True
        return _matches(name, self._patterns)

    def is_secret_in_text(self, name: str, value: str) -> bool:
        """Whether a value must go from a command that sets a name; `all` means every variable, not every word."""
        return bool(_PASSWORD_IN_ADDRESS.search(value)) or _matches(name, self._text_patterns)

    def replacement(self, value: str) -> str:
        """Return what stands in place of a value; the same for equal values."""
        self.value_count += 1
        return f"[redacted:{self._hash(value)}]"

    def _hash(self, value: str) -> str:
        return hmac.new(self._key, value.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()[:_HASH_DIGITS]


class _Values:
    """The values to go from one object: first collected from its environments, then replaced all over it."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._replacements: dict[str, str] = {}
        self._names: set[str] = set()

    def collect(self, value: Any, key: str = "") -> None:
        """Find environments at any depth, also within JSON texts."""
        if isinstance(value, dict):
            for name, member in value.items():
                self.collect(member, name.lower())
        elif isinstance(value, list):
            for member in value:
                self._collect_variable(member) if key == "env" else self.collect(member, key)
        elif isinstance(value, str) and (inner := _inner_json(value)) is not None:
            self.collect(inner, key)

    def _collect_variable(self, entry: Any) -> None:
        name, value = _variable(entry)
        if value and self._redactor.is_secret(name, value):
            if len(self._names) >= _MOST_SECRETS:
                raise DecodeError(f"it has more than {_MOST_SECRETS} variables to redact.")
            self._names.add(name)
            if value not in self._replacements:
                self._replacements[value] = self._redactor.replacement(value)

    def rewritten(self, value: Any, key: str = "", *, is_free: bool = False) -> Any:
        """Return the same value without the collected ones."""
        if isinstance(value, dict):
            return {
                name: self.rewritten(member, name.lower(), is_free=is_free or name.lower() in _FREE_TEXT_KEYS)
                for name, member in value.items()
            }
        if isinstance(value, list):
            if key == "env":
                return [self._rewritten_variable(member) for member in value]
            return [self.rewritten(member, key, is_free=is_free) for member in value]
        if not isinstance(value, str):
            return value
        if (inner := _inner_json(value)) is not None:
            changed = self.rewritten(inner, key, is_free=is_free)
            return value if changed == inner else msgspec.json.encode(changed).decode()
        return self._rewritten_text(value) if is_free else value

    def _rewritten_variable(self, entry: Any) -> Any:
        name, value = _variable(entry)
        if not value or value not in self._replacements or not self._redactor.is_secret(name, value):
            return entry
        replacement = self._replacements[value]
        return {**entry, "value": replacement} if isinstance(entry, dict) else f"{name}={replacement}"

    def _rewritten_text(self, text: str) -> str:
        for value, replacement in self._replacements.items():
            if len(value) >= _DISTINCT_CHARACTERS:
                text = text.replace(value, replacement)
        return _ASSIGNMENT.sub(self._rewritten_assignment, text)

    def _rewritten_assignment(self, match: re.Match[str]) -> str:
        name, separator, quoted = match.groups()
        value = quoted.strip("\"'")
        is_known = name in self._names
        if not value or not (is_known or (separator == "=" and self._redactor.is_secret_in_text(name, value))):
            return match[0]
        if value.startswith("[redacted:"):
            return match[0]
        replacement = self._replacements.get(value) or self._redactor.replacement(value)
        return f"{name}{separator}{quoted.replace(value, replacement)}"


def _matches(name: str, patterns: list[str]) -> bool:
    upper = name.upper()
    return any(fnmatchcase(upper, pattern) for pattern in patterns)


def _expanded(name: str) -> tuple[str, ...]:
    return {SECRETS: SECRET_NAMES, ALL: ("*",)}.get(name, (name,))


def _variable(entry: Any) -> tuple[str, str]:
    """Name and value of `K=V` or `{"name": K, "value": V}`; empty where there is none."""
    if isinstance(entry, str):
        name, _, value = entry.partition("=")
        return name, value
    if isinstance(entry, dict):
        key, text = entry.get("name"), entry.get("value")
        return (key, text) if isinstance(key, str) and isinstance(text, str) else ("", "")
    return "", ""


def _inner_json(text: str) -> Any:
    """Return the object or list a text holds as JSON, else None."""
    stripped = text.strip()
    if stripped[:1] + stripped[-1:] not in _JSON_BRACKETS:
        return None
    try:
        return msgspec.json.decode(stripped)
    except msgspec.DecodeError:
        return None
