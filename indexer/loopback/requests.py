"""What a client asked, read into the options of the API, and the refusals for options that don't go together."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

from indexer.loopback import answers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from indexer.loopback.answers import Answer

GROUP_VERSION_PATH = "/apis/image.openshift.io/v1"
IMAGES_PATH = GROUP_VERSION_PATH + "/images"
_TRUE = {"1", "true", "True", "TRUE", "t", "T"}


class Request(NamedTuple):
    """One request. `number` counts all requests from 1, `list_number` the lists (0 if this is none)."""

    number: int
    list_number: int
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]

    @property
    def is_watch(self) -> bool:
        """Whether changes are asked for instead of a list."""
        return self.path == IMAGES_PATH and self.query.get("watch") in _TRUE

    @property
    def is_list(self) -> bool:
        """Whether this asks for a page of images."""
        return self.path == IMAGES_PATH and self.method == "GET" and not self.is_watch

    def header(self, name: str) -> str:
        """Give a header's value, empty if there is none; `name` in lower case."""
        return self.headers.get(name, "")


def split_target(target: str) -> tuple[str, dict[str, str]]:
    """Path and query of a request line; of a repeated parameter the first counts, as in Go."""
    parts = urlsplit(target)
    query: dict[str, str] = {}
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        query.setdefault(key, value)
    return parts.path, query


def unquoted(name: str) -> str:
    """Read a name in a path: clients may write the colon of a digest as %3A."""
    return unquote(name)


class ListOptions(NamedTuple):
    """The options of a list or watch. `limit` 0 is no limit, `resource_version` None is unset."""

    limit: int = 0
    resource_version: int | None = None
    match: str = ""
    continue_token: str = ""
    label_selector: str = ""
    field_selector: str = ""


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not a failure
    """These options don't go together; `answer` says so in the server's words."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def list_options(query: Mapping[str, str]) -> ListOptions:
    """Read and check the options of a list. Raises `Refused`."""
    options = ListOptions(
        limit=max(_integer(query.get("limit", "0") or "0", "strconv.ParseInt: parsing"), 0),
        resource_version=_resource_version(query.get("resourceVersion", "")),
        match=query.get("resourceVersionMatch", ""),
        continue_token=query.get("continue", ""),
        label_selector=query.get("labelSelector", ""),
        field_selector=query.get("fieldSelector", ""),
    )
    _check_match(options)
    if options.continue_token and options.resource_version:
        raise Refused(answers.bad_request("specifying resource version is not allowed when using continue"))
    # The watch cache answers resourceVersion=0 from memory and takes no notice of a limit.
    return options._replace(limit=0) if options.resource_version == 0 and not options.continue_token else options


def _integer(text: str, complaint: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise Refused(answers.bad_request(f'{complaint} "{text}": invalid syntax')) from None


def _resource_version(text: str) -> int | None:
    complaint = f'invalid resource version: resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing'
    return _integer(text, complaint) if text else None


def _check_match(options: ListOptions) -> None:
    if not options.match:
        return
    if options.continue_token:
        _forbid("resourceVersionMatch is forbidden for continue")
    if options.resource_version is None:
        _forbid("resourceVersionMatch is forbidden unless resourceVersion is provided")
    if options.match not in {"Exact", "NotOlderThan"}:
        message = f'Unsupported value: "{options.match}": supported values: "Exact", "NotOlderThan", ""'
        raise Refused(answers.invalid_options(message, "FieldValueNotSupported"))
    if options.match == "Exact" and options.resource_version == 0:
        _forbid('resourceVersionMatch "exact" is forbidden for resourceVersion "0"')


def _forbid(message: str) -> None:
    raise Refused(answers.invalid_options(f"Forbidden: {message}", "FieldValueForbidden"))


def encode_token(resource_version: int, start: str) -> str:
    """Make a continue token: unpadded base64url of JSON (k8s.io/apiserver, pkg/storage/continue.go)."""
    token = {"v": "meta.k8s.io/v1", "rv": resource_version, "start": start}
    return base64.urlsafe_b64encode(orjson.dumps(token)).decode().rstrip("=")


def decode_token(text: str) -> tuple[int, str]:
    """Read a continue token: resource version (-1: the present) and the name to start at. Raises `Refused`."""
    try:
        token: Any = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return int(token["rv"]), str(token["start"]).removeprefix("/")
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise Refused(answers.bad_request(f"invalid continue token: continue key is not valid: {error}")) from None
