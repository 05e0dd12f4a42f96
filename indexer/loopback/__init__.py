"""An API server for Images on 127.0.0.1: for the demo and the tests, with faults on demand.

`LoopbackServer` answers lists, gets, watches and discovery as openshift-apiserver 4.21 behind a kube-apiserver does.
Its `ImageStore` keeps all versions of its objects, so lists are exact at their resource version while the store
changes. A script may spoil any answer; see `indexer.loopback.faults`.
"""

from __future__ import annotations

from indexer.loopback.access import Access
from indexer.loopback.faults import (
    Churn,
    Fault,
    RandomFaults,
    Script,
    combine,
    expire_on_list,
    on_list,
    reject_until_token_changes,
)
from indexer.loopback.requests import Request
from indexer.loopback.server import LoopbackServer
from indexer.loopback.store import ImageStore, items_of_pages

__all__ = [
    "Access",
    "Churn",
    "Fault",
    "ImageStore",
    "LoopbackServer",
    "RandomFaults",
    "Request",
    "Script",
    "combine",
    "expire_on_list",
    "items_of_pages",
    "on_list",
    "reject_until_token_changes",
]
