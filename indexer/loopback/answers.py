"""Answers and their bodies, worded as recorded from kube-apiserver 1.36 in front of openshift-apiserver (1.34)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable

_EXPIRED_LIST = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list "
    "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
    "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
    "modified, or deleted between the time the first chunk was returned and now may show up in the list."
)
_LIST_MEDIA_TYPES = "application/json, application/yaml, application/vnd.kubernetes.protobuf"


class Body(NamedTuple):
    """A body of known size that comes in pieces."""

    size: int
    chunks: Iterable[bytes]


class Answer(NamedTuple):
    """An HTTP answer. What the aggregated server said itself carries `Cache-Control: no-store` too."""

    status: int
    body: Body | bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    is_from_image_server: bool = True


def json_answer(document: Any, *, is_from_image_server: bool = True) -> Answer:
    """Answer 200 with a document."""
    return Answer(200, orjson.dumps(document), is_from_image_server=is_from_image_server)


def text(status: int, body: str, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """Answer in plain text, as everything in front of the image server does."""
    headers = (*headers, ("X-Content-Type-Options", "nosniff"))
    return Answer(status, body.encode(), "text/plain; charset=utf-8", headers, is_from_image_server=False)


def status(code: int, reason: str, message: str, **more: Any) -> Answer:
    """Answer with a `Status`; `more` may hold `details`, `metadata`, `headers` and `is_from_image_server`."""
    document: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": more.get("metadata", {})}
    document |= {"status": "Failure", "message": message}
    if reason:
        document["reason"] = reason
    if "details" in more:
        document["details"] = more["details"]
    document["code"] = code
    return Answer(
        code,
        orjson.dumps(document),
        headers=more.get("headers", ()),
        is_from_image_server=more.get("is_from_image_server", True),
    )


def bad_request(message: str) -> Answer:
    """Answer 400."""
    return status(400, "BadRequest", message)


def unauthorized() -> Answer:
    """Answer 401: credentials that are not, or no longer, good."""
    return status(401, "Unauthorized", "Unauthorized", is_from_image_server=False)


def forbidden(user: str, verb: str) -> Answer:
    """Answer 403; without any credentials `user` is `system:anonymous`."""
    group = "image.openshift.io"
    message = (
        f'images.{group} is forbidden: User "{user}" cannot {verb} resource "images" in API group "{group}" '
        "at the cluster scope"
    )
    headers = (("X-Content-Type-Options", "nosniff"),)
    details = {"group": group, "kind": "images"}
    return status(403, "Forbidden", message, details=details, headers=headers, is_from_image_server=False)


def no_such_page() -> Answer:
    """Answer 404 for a path or an API group that is not served."""
    return text(404, "404 page not found\n")


def no_such_resource() -> Answer:
    """Answer 404 for a resource that the group does not have."""
    return status(404, "NotFound", "the server could not find the requested resource", details={})


def no_such_image(name: str) -> Answer:
    """Answer 404 for one name."""
    details = {"name": name, "group": "image.openshift.io", "kind": "images"}
    return status(404, "NotFound", f'images.image.openshift.io "{name}" not found', details=details)


def method_not_allowed() -> Answer:
    """Answer 405, to HEAD above all."""
    message = "the server does not allow this method on the requested resource"
    return status(405, "MethodNotAllowed", message, details={})


def not_acceptable(*, has_options: bool) -> Answer:
    """Answer 406: an unknown media type, or `as=Table` without its version and group."""
    if has_options:
        return status(406, "NotAcceptable", f"only the following media types are accepted: {_LIST_MEDIA_TYPES}")
    message = f"406: Not Acceptable\n\nAvailable representations: {_LIST_MEDIA_TYPES}"
    return status(406, "NotAcceptable", message, details={})


def expired(continue_token: str = "") -> Answer:
    """Answer 410: with a token for the inconsistent rest, or (an exact list) without."""
    if continue_token:
        return status(410, "Expired", _EXPIRED_LIST, metadata={"continue": continue_token})
    return status(410, "Expired", "The resourceVersion for the provided list is too old.")


def invalid_options(message: str, reason: str) -> Answer:
    """Answer 422 about `resourceVersionMatch`."""
    cause = {"reason": reason, "message": message, "field": "resourceVersionMatch"}
    details = {"group": "meta.k8s.io", "kind": "ListOptions", "causes": [cause]}
    whole = f'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: {message}'
    return status(422, "Invalid", whole, details=details)


def too_many_requests(retry_after: int | None = 1) -> Answer:
    """Answer 429 of priority and fairness."""
    headers = (("Retry-After", str(retry_after)),) if retry_after is not None else ()
    return text(429, "Too many requests, please try again later.\n", headers)


def unreachable(retry_after: int | None = None) -> Answer:
    """Answer 503 of the aggregator while the image server is down."""
    headers = (("Retry-After", str(retry_after)),) if retry_after is not None else ()
    return text(503, "error trying to reach service: dial tcp 127.0.0.1:8443: connect: connection refused\n", headers)


def internal_error() -> Answer:
    """Answer 500."""
    return status(500, "InternalError", "Internal error occurred: etcdserver: request timed out", details={})


def timed_out() -> Answer:
    """Answer 504 after the server's own time limit; the body is JSON under the name of plain text."""
    document = {
        "metadata": {},
        "status": "Failure",
        "message": "Timeout: request did not complete within the allotted timeout",
        "reason": "Timeout",
        "details": {},
        "code": 504,
    }
    return Answer(504, orjson.dumps(document), "text/plain; charset=utf-8", is_from_image_server=False)


def in_the_future(asked: int, current: int) -> Answer:
    """Answer 504: a resource version this server has not reached."""
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    message = f"Timeout: Too large resource version: {asked}, current: {current}"
    details = {"causes": [cause], "retryAfterSeconds": 1}
    return status(504, "Timeout", message, details=details, headers=(("Retry-After", "1"),))


def bad_gateway() -> Answer:
    """Answer 502 of a load balancer, in HTML."""
    return Answer(502, b"<html><body><h1>502 Bad Gateway</h1></body></html>\n", "text/html", is_from_image_server=False)
