"""Which answer a path gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from indexer.loopback import answers, forms, requests
from indexer.loopback.listing import list_images
from indexer.loopback.requests import GROUP_VERSION_PATH, IMAGES_PATH

if TYPE_CHECKING:
    from indexer.loopback.answers import Answer
    from indexer.loopback.requests import Request
    from indexer.loopback.store import ImageStore

_GROUP_VERSION = "image.openshift.io/v1"
_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
_VERSION = {
    "major": "1",
    "minor": "34",
    "gitVersion": "v1.34.1",
    "gitCommit": "0000000000000000000000000000000000000000",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "go1.24.6",
    "compiler": "gc",
    "platform": "linux/amd64",
}


def answer(request: Request, store: ImageStore) -> Answer:
    """Answer any request but a watch. Raises `Refused`."""
    path = request.path.rstrip("/")
    if request.method != "GET":
        return answers.method_not_allowed()
    if path == IMAGES_PATH:
        return list_images(request, store)
    if path.startswith(IMAGES_PATH + "/"):
        return _one_image(path.removeprefix(IMAGES_PATH + "/"), store)
    return _discovery(path)


def _discovery(path: str) -> Answer:
    if path == GROUP_VERSION_PATH:
        return answers.json_answer(_resources())
    if path.startswith(GROUP_VERSION_PATH + "/"):
        return answers.no_such_resource()
    documents = {"/version": _VERSION, "/apis": _groups(), "/apis/image.openshift.io": _group()}
    if path in documents:
        return answers.json_answer(documents[path], is_from_image_server=False)
    return answers.no_such_page()


def _one_image(name: str, store: ImageStore) -> Answer:
    item = store.find(requests.unquoted(name))
    if item is None:
        return answers.no_such_image(requests.unquoted(name))
    return answers.Answer(200, forms.with_kind(item))


def _resources() -> dict[str, Any]:
    images = {"name": "images", "singularName": "image", "namespaced": False, "kind": "Image", "verbs": _VERBS}
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": _GROUP_VERSION, "resources": [images]}


def _group() -> dict[str, Any]:
    version = {"groupVersion": _GROUP_VERSION, "version": "v1"}
    return {"name": "image.openshift.io", "versions": [version], "preferredVersion": version}


def _groups() -> dict[str, Any]:
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group()]}
