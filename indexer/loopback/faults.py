"""Spoilt answers, scripted by request or drawn at random from a seed.

A script is called once for each request, before it is answered, and gives a `Fault` or None for an honest answer. It
may change the store, too: that is how objects come and go between two pages.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from indexer.loopback import answers, requests

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from indexer.loopback.answers import Answer
    from indexer.loopback.requests import Request
    from indexer.loopback.store import ImageStore

Script = Callable[["Request", "ImageStore"], "Fault | None"]


@dataclass(frozen=True)
class Fault:
    """What is wrong with an answer; the parts combine.

    `answer` replaces the honest one. `delay_seconds` pass before the first byte. `bytes_per_second` slows the body.
    `cut_share` (0 to 1) is how much of the body is sent before the connection ends, as a server that dies leaves it;
    `is_reset` ends it with a TCP reset, at once if there is no `cut_share`. `end_after_events` ends a watch early.
    """

    answer: Answer | None = None
    delay_seconds: float = 0.0
    bytes_per_second: int = 0
    cut_share: float | None = None
    is_reset: bool = False
    end_after_events: int | None = None


def combine(*scripts: Script) -> Script:
    """Call all scripts for each request; the first fault counts."""

    def combined(request: Request, store: ImageStore) -> Fault | None:
        found = [script(request, store) for script in scripts]
        return next((fault for fault in found if fault), None)

    return combined


def on_list(faults: Mapping[int, Fault | Callable[[ImageStore], object]]) -> Script:
    """Spoil, or change the store before, the n-th list request (from 1, repeated pages counted)."""

    def script(request: Request, store: ImageStore) -> Fault | None:
        found = faults.get(request.list_number) if request.is_list else None
        if callable(found):
            found(store)
            return None
        return found

    return script


def every(fault: Fault) -> Script:
    """Spoil every request in the same way."""
    return lambda _request, _store: fault


def expire_token(request: Request, *, has_token: bool = True) -> Fault:
    """Answer 410 to this request, whatever the store still has; with a token if it came with one."""
    text = request.query.get("continue", "")
    start = requests.decode_token(text)[1] if text else ""
    return Fault(answers.expired(requests.encode_token(-1, start) if text and has_token else ""))


def expire_on_list(list_number: int, *, has_token: bool = True) -> Script:
    """Answer 410 to the n-th list request."""

    def script(request: Request, _store: ImageStore) -> Fault | None:
        is_it = request.is_list and request.list_number == list_number
        return expire_token(request, has_token=has_token) if is_it else None

    return script


def reject_until_token_changes(from_list: int = 1) -> Script:
    """Answer 401 from the n-th list request on, until a request carries other credentials than that one did."""
    rejected: list[str] = []

    def script(request: Request, _store: ImageStore) -> Fault | None:
        if request.is_list and request.list_number >= from_list and not rejected:
            rejected.append(request.header("authorization"))
        is_old = bool(rejected) and request.header("authorization") == rejected[0]
        return Fault(answers.unauthorized()) if is_old else None

    return script


FAULTS: dict[str, Fault] = {
    "429": Fault(answers.too_many_requests()),
    "429 at once": Fault(answers.too_many_requests(0)),
    "429 without Retry-After": Fault(answers.too_many_requests(None)),
    "500": Fault(answers.internal_error()),
    "502 in HTML": Fault(answers.bad_gateway()),
    "503": Fault(answers.unreachable()),
    "503 with Retry-After": Fault(answers.unreachable(0)),
    "504": Fault(answers.timed_out()),
    "cut at the start": Fault(cut_share=0.0),
    "cut in the middle": Fault(cut_share=0.5),
    "cut at the end": Fault(cut_share=0.999),
    "reset before the answer": Fault(is_reset=True),
    "reset in the body": Fault(cut_share=0.4, is_reset=True),
    "late": Fault(delay_seconds=0.02),
}


class RandomFaults:
    """Spoils list requests with a probability; request and seed decide, not the clock.

    `kinds` are names of `FAULTS`, and "expire" compacts the store, so that every token from before is too old.
    """

    def __init__(self, seed: int, probability: float, kinds: Sequence[str] = tuple(FAULTS)) -> None:
        self._seed = seed
        self._probability = probability
        self._kinds = kinds

    def __call__(self, request: Request, store: ImageStore) -> Fault | None:
        """Draw for one request."""
        draw = random.Random(f"{self._seed} {request.list_number}")  # noqa: S311 - reproducible tests
        if not request.is_list or draw.random() >= self._probability:
            return None
        kind = draw.choice(self._kinds)
        if kind == "expire":
            store.compact()
            return None
        return FAULTS[kind]


class Churn:
    """Adds, changes and deletes objects before list requests: on average `rate` changes for each.

    New objects come from `newcomers`; when there are no more, deleted ones return.
    """

    def __init__(self, seed: int, rate: float, newcomers: Sequence[Mapping[str, Any]] = ()) -> None:
        self._draw = random.Random(seed)  # noqa: S311 - reproducible tests
        self._rate = rate
        self._waiting = list(newcomers)
        self._lock = Lock()

    def __call__(self, request: Request, store: ImageStore) -> Fault | None:
        """Change the store before one request."""
        if request.is_list:
            with self._lock:
                whole, rest = divmod(self._rate, 1)
                for _ in range(int(whole) + (self._draw.random() < rest)):
                    self._change(store)
        return None

    def _change(self, store: ImageStore) -> None:
        kind = self._draw.choice(("add", "change", "delete"))
        if kind == "add" and self._waiting:
            store.add(self._waiting.pop(self._draw.randrange(len(self._waiting))))
            return
        image = store.any_image(self._draw.random())
        if image is None:
            return
        if kind == "delete":
            store.delete(image["metadata"]["name"])
            self._waiting.append(image)
        else:
            annotations = (image["metadata"].get("annotations") or {}) | {
                "example.com/touched": str(self._draw.random())
            }
            store.add(image | {"metadata": image["metadata"] | {"annotations": annotations}})
