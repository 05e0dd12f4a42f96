"""Helpers of the tests that list from a loopback server: quick retries, and what came out of a source."""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson

from indexer.client.request import ListRequest
from indexer.client.retry import RetryPolicy
from indexer.cluster import Timeouts, connect_server
from indexer.errors import IndexerError
from indexer.ingest import IngestOptions, export
from indexer.loopback import Fault
from indexer.loopback.answers import Answer
from indexer.pages import Restarted
from indexer.sample import generate_images
from indexer.sources.api import ApiSource
from indexer.watch import base_items

FLEET = list(generate_images(230, 5))
NAMES = sorted(image["metadata"]["name"] for image in FLEET)
QUICK = RetryPolicy(
    wait_initial_seconds=0.001,
    wait_max_seconds=0.004,
    wait_jitter_seconds=0,
    retry_after_max_seconds=0.01,
    budget_seconds=1,
    first_answer_seconds=0.3,
    first_connection_seconds=0.1,
)
IMPATIENT = Timeouts(connect_seconds=1, read_seconds=0.15)


@dataclass
class Outcome:
    """What a consumer has in hand when a source is exhausted or has failed."""

    names: list[str] = field(default_factory=list)
    restarts: list[str] = field(default_factory=list)
    points: list[bytes] = field(default_factory=list)
    error: IndexerError | None = None
    report: object = None

    @property
    def exit_code(self):
        """Exit code the command line would end in."""
        return int(self.error.exit_code) if self.error else 0


def request(**options):
    """Ask for small pages, with quick retries."""
    return ListRequest(**{"limit": 50, "retries": QUICK} | options)


def read(source, most=None):
    """Read a source to its end, its failure, or `most` pages."""
    outcome = Outcome()
    try:
        for item in source.pages():
            if isinstance(item, Restarted):
                outcome.names.clear()
                outcome.restarts.append(item.reason)
                continue
            outcome.names += [orjson.loads(bytes(image))["metadata"]["name"] for image in item.items]
            outcome.points.append(item.resume_point)
            if len(outcome.points) == most:
                break
    except IndexerError as error:
        outcome.error = error
    outcome.report = source.report
    return outcome


def list_from(server, **options):
    """Read everything a server lists, anonymously."""
    return read(ApiSource(connect_server(server.url), request(**options)))


def export_from(server, folder, **options):
    """Export from a server into a store; the report is the receipt of what was published, else the source's own."""
    source = ApiSource(connect_server(server.url), request(**options))
    outcome = Outcome()
    try:
        snapshot = export(source, folder, IngestOptions("lab"))
        outcome.names = [name for name, _ in base_items(snapshot)]
        outcome.report = snapshot.receipt
    except IndexerError as error:
        outcome.error = error
        outcome.report = source.report
    return outcome


def answer(code, body=b"", content_type="text/plain", **headers):
    """Replace an answer."""
    pairs = tuple((key.replace("_", "-"), value) for key, value in headers.items())
    return Fault(Answer(code, body, content_type, pairs))


def from_list(first, fault):
    """Spoil every list request from the n-th on."""

    def script(asked, store):
        if not asked.is_list or asked.list_number < first:
            return None
        return fault(asked, store) if callable(fault) else fault

    return script
