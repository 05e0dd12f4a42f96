"""What an answer or a broken connection means, decided by type and nowhere else.

Causes and cures of each status: the API conventions of Kubernetes, and answers recorded from real servers.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import msgspec

from indexer.errors import (
    ConfigurationError,
    ExpiredError,
    ForbiddenError,
    IndexerError,
    SourceError,
    UnauthorizedError,
    UnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CLUSTER_ROLE_HINT = (
    "It needs a ClusterRole with get, list and watch on images of image.openshift.io: "
    "oc create clusterrole image-inventory-reader --verb=get,list,watch --resource=images.image.openshift.io "
    "&& oc adm policy add-cluster-role-to-user image-inventory-reader USER (for a service account: -z NAME)."
)
_TEXT_LENGTH = 300
_OVERLOAD = frozenset({429, 503})


class _Cause(msgspec.Struct):
    reason: str | None = None


class _Details(msgspec.Struct, rename="camel"):
    retry_after_seconds: float | None = None
    causes: list[_Cause] | None = None


class _StatusMetadata(msgspec.Struct):
    continue_: str | None = msgspec.field(default=None, name="continue")


class Status(msgspec.Struct):
    """A `Status` object; a body that is none gives one without reason, its text as the message."""

    message: str | None = None
    reason: str | None = None
    metadata: _StatusMetadata | None = None
    details: _Details | None = None
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is not the list: status code, headers and the body's meaning."""

    code: int
    headers: Mapping[str, str]
    status: Status
    server: str
    is_continued: bool
    """Whether the request held a continue token."""
    has_options: bool
    """Whether the request held selectors or a resourceVersion, which a server may refuse."""

    @property
    def text(self) -> str:
        """What the server says, on one line."""
        return self.status.message or "without a word"

    @property
    def retry_after_seconds(self) -> float | None:
        """Seconds the server asks to wait: the header, else the Status."""
        stated = _waiting_seconds(self.headers.get("Retry-After", "").strip(), self.headers.get("Date"))
        if stated is not None:
            return stated
        return self.status.details.retry_after_seconds if self.status.details else None

    def has_cause(self, reason: str) -> bool:
        """Whether the Status names this cause."""
        causes = self.status.details.causes if self.status.details else None
        return any(cause.reason == reason for cause in causes or ())


def _waiting_seconds(stated: str, answered_at: str | None) -> float | None:
    """Read a Retry-After: seconds, or a date (RFC 9110, 10.2.3), which is by the server's clock where it tells it."""
    if re.fullmatch("[0-9]+", stated):
        return float(stated)
    until = _moment(stated)
    if until is None:
        return None
    now = _moment(answered_at or "") or datetime.now(UTC)
    return max((until - now).total_seconds(), 0.0)


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def read_status(body: bytes) -> Status:
    """Read an error body: a Status, plain text or a page of HTML, any of which may be cut."""
    try:
        status = msgspec.json.decode(body, type=Status)
    except (msgspec.DecodeError, UnicodeDecodeError):
        status = Status(message=body.decode(errors="replace"))
    status.message = _one_line(status.message or "")
    return status


def _one_line(text: str) -> str:
    title = re.search(r"<title>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    line = " ".join((title.group(1) if title else re.sub(r"<[^>]*>", " ", text)).split()).rstrip(".")
    return line if len(line) <= _TEXT_LENGTH else line[:_TEXT_LENGTH] + "…"


def failure(answer: Answer) -> IndexerError:
    """Turn an answer other than 200 into the error it means."""
    if answer.code in _BY_CODE:
        return _BY_CODE[answer.code](answer)
    if answer.code in {408, 500, 502} or answer.code > 504:  # noqa: PLR2004
        return _unavailable(answer)
    if 300 <= answer.code < 400:  # noqa: PLR2004
        return _redirected(answer)
    return SourceError(f"{answer.server} answered {answer.code}: {answer.text}.", hint="The request can't be repaired.")


def _bad_request(answer: Answer) -> IndexerError:
    if answer.is_continued and "continue" in answer.text:
        return ExpiredError(f"{answer.server} does not take its continue token back: {answer.text}.")
    if "HTTP request to an HTTPS server" in answer.text:
        return SourceError(f"{answer.server} expects TLS.", hint="Write https:// in the server's address.")
    if answer.has_options:
        return ConfigurationError(
            f"{answer.server} refuses the options of the list: {answer.text}.",
            hint="Check the selectors and the resourceVersion options.",
        )
    return SourceError(f"{answer.server} refuses the request: {answer.text}.", hint="Is it an OpenShift API server?")


def _unauthorized(answer: Answer) -> IndexerError:
    return UnauthorizedError(
        f"{answer.server} does not accept the credentials (401): {answer.text}.",
        hint="The token is wrong or expired: log in again (oc login), or renew the token file.",
    )


def _forbidden(answer: Answer) -> IndexerError:
    if "system:anonymous" in answer.text:
        hint = f"No credentials were sent: log in, or use --token-file. {CLUSTER_ROLE_HINT}"
    else:
        hint = CLUSTER_ROLE_HINT
    return ForbiddenError(f"{answer.server} forbids listing Images (403): {answer.text}.", hint=hint)


def _not_found(answer: Answer) -> IndexerError:
    return SourceError(
        f"{answer.server} does not serve image.openshift.io/v1 (404): {answer.text}.",
        hint="It is not an OpenShift API with images; check the server's address, and its path prefix if it has one.",
    )


def _not_acceptable(answer: Answer) -> IndexerError:
    return SourceError(
        f"{answer.server} does not answer in JSON ({answer.code}): {answer.text}.",
        hint="Something between here and the API server changes requests; go around it.",
    )


def _expired(answer: Answer) -> IndexerError:
    token = answer.status.metadata.continue_ if answer.status.metadata else None
    if not answer.is_continued:
        return ExpiredError(
            f"{answer.server} no longer keeps that resourceVersion (410): {answer.text}.",
            hint="List without resourceVersion.",
        )
    return ExpiredError(
        f"The list expired at {answer.server} (410): its moment was compacted away before its end.",
        hint="A larger --limit gets through faster; --on-expired restart or continue goes on by itself.",
        continue_token=token or None,
    )


def _unavailable(answer: Answer) -> IndexerError:
    return UnavailableError(
        f"{answer.server} is not able to answer ({answer.code}): {answer.text}.",
        hint="Try again later; oc get clusteroperators openshift-apiserver shows its state.",
        cause="overload" if answer.code in _OVERLOAD else "failing",
        retry_after_seconds=answer.retry_after_seconds,
    )


def _timed_out(answer: Answer) -> IndexerError:
    if answer.has_cause("ResourceVersionTooLarge"):
        return ConfigurationError(
            f"{answer.server} has not reached that resourceVersion (504): {answer.text}.",
            hint="It comes from another cluster, or from before a restore; list without it.",
        )
    return UnavailableError(
        f"{answer.server} ran out of time (504): {answer.text}.",
        hint="Ask for smaller pages with --limit.",
        cause="slow",
        retry_after_seconds=answer.retry_after_seconds,
    )


def _redirected(answer: Answer) -> IndexerError:
    return SourceError(
        f"{answer.server} redirects to another page ({answer.code}).",
        hint="It is a web console or a login page; give the address of the API server, often https://api.HOST:6443.",
    )


_BY_CODE: dict[int, Callable[[Answer], IndexerError]] = {
    400: _bad_request,
    401: _unauthorized,
    403: _forbidden,
    404: _not_found,
    406: _not_acceptable,
    410: _expired,
    415: _not_acceptable,
    422: _bad_request,
    429: _unavailable,
    503: _unavailable,
    504: _timed_out,
}


def capped(seconds: float, limit_seconds: float) -> float:
    """Bring a wait the server asks for into 0 … limit (a header may say anything)."""
    return min(max(seconds, 0.0), limit_seconds) if math.isfinite(seconds) else limit_seconds
