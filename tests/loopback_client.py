"""A plain client of the loopback server for tests: one request, one page, a whole list, a watch."""

from __future__ import annotations

import json

import urllib3

IMAGES = "/apis/image.openshift.io/v1/images"


def get(server, path=IMAGES, *, method="GET", headers=None, **options):
    """Ask once over a connection of its own, without retries; `options` of urllib3's pool (ca_certs, cert_file, …)."""
    with urllib3.PoolManager(retries=False, **{"timeout": 20, **options}) as pool:
        return pool.request(
            method, server.url + path, headers={"User-Agent": "test", **(headers or {})}, redirect=False
        )


def page(server, query="", **more):
    """Ask for one page and parse it."""
    answer = get(server, f"{IMAGES}?{query}", **more)
    return json.loads(answer.data)


def walk(server, limit=100):
    """Read a whole list page by page; gives the pages."""
    pages = [page(server, f"limit={limit}")]
    while pages[-1]["metadata"].get("continue"):
        pages.append(page(server, f"limit={limit}&continue={pages[-1]['metadata']['continue']}"))
    return pages


def names(*pages):
    """Names of all items, in their order."""
    return [item["metadata"]["name"] for document in pages for item in document["items"]]


def watch(server, query):
    """Read a whole watch until the server ends it; gives the events."""
    answer = get(server, f"{IMAGES}?watch=1&{query}")
    assert answer.status == 200, answer.data
    return [json.loads(line) for line in answer.data.splitlines()]
