"""What the documents of a run show together: whether they are the whole resource, and of one moment."""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from typing import TYPE_CHECKING

import msgspec

from indexer.errors import DecodeError, LimitError
from indexer.pages import ListMetadata, is_ours
from indexer.sources.forms import LIST_KINDS, MOST_CHARACTERS
from indexer.sources.refusals import WATCH_AGAIN, listed, nothing_found, refuse_kind

if TYPE_CHECKING:
    from indexer.pages import SourceReport
    from indexer.sources.forms import Found

OC_CHUNK_SIZE = 500
"""`oc get` asks for chunks of this many; when a later chunk fails it prints a list that looks whole."""

_IMAGE_FOLDERS = re.compile(
    r"(?:^|(?<!config\.openshift\.io)/)images(?:\.image\.openshift\.io)?(?:/|\.(?:ya?ml|json)$)"
)
_TRAITS = (
    ("insights", re.compile(r"(?:^|/)config/workload_info\.json$")),
    (
        "must-gather",
        re.compile(r"(?:^|/)(?:etcd_info|cluster-scoped-resources|host_service_logs|event-filter\.html)(?:/|$)"),
    ),
)
_OBJECT_COUNT = re.compile(r"(?:^|/)etcd_info/(?:etcd_)?object_count(?:\.json)?$")
_COUNTED_KEYS = frozenset({"openshift.io/images", "images"})
_COUNTED_LINE = re.compile(r"^[ \t]*+(\d{1,12})[ \t]++images\b", re.MULTILINE)
_MOST_LISTS = 10_000
_MOST_KINDS = 100


def is_image_folder(path: str) -> bool:
    """Whether a path within a tree is where `oc adm inspect` and Velero put Images."""
    return bool(_IMAGE_FOLDERS.search(path))


def is_object_count(path: str) -> bool:
    """Whether a path is where must-gather counts the keys of etcd."""
    return bool(_OBJECT_COUNT.search(path))


class _Envelope(msgspec.Struct, rename="camel"):
    api_version: str | None = None
    kind: str | None = None
    metadata: ListMetadata | None = None


class Account:
    """Counts of a run; `begin` starts those of the next input the user named."""

    def __init__(self) -> None:
        self.forms: Counter[str] = Counter()
        self._expected_in_tree: int | None = None
        self._versions: defaultdict[str, _Pages] = defaultdict(_Pages)
        self._list_sizes: set[int] = set()
        self._watch_errors: deque[str] = deque(maxlen=5)
        self._others_in_named: Counter[str] = Counter()
        self.begin()

    def begin(self) -> None:
        """Start the counts of one input."""
        self._traits: set[str] = set()
        self._other_kinds: Counter[str] = Counter()
        self.has_images = False
        self._has_lists = False

    def see_path(self, path: str) -> None:
        """Note what a path in a folder or archive shows of the whole."""
        self._traits.update(trait for trait, pattern in _TRAITS if pattern.search(path))

    def see_object_count(self, content: bytes) -> None:
        """Note how many Images must-gather says there are."""
        self._expected_in_tree = object_count(content) or self._expected_in_tree

    def see(self, found: Found, path: str, *, is_named: bool, is_alone: bool) -> None:
        """Count what an object held; `is_alone`: it is no item of a list, nor behind another in its document.

        Raises `DecodeError` for a list of a kind that stands in place of Images.
        """
        if found.form == "other":
            _count(self._other_kinds, found.detail)
            if is_named:
                _count(self._others_in_named, found.detail)
        elif found.form == "watch error":
            self._watch_errors.append(found.detail)
        elif found.envelope is not None:
            self.see_envelope(*found.envelope, path)
        else:
            self.see_images(1, path, is_named=is_named, is_alone=is_alone, form=found.form)

    def see_images(self, count: int, path: str, *, is_named: bool, is_alone: bool = False, form: str = "bare") -> None:
        """Count Images that came in one form."""
        if count:
            self.has_images = True
            self.forms[self._form(form, path, is_named, is_alone)] += count

    def _form(self, form: str, path: str, is_named: bool, is_alone: bool) -> str:
        """Tell bare objects apart by where they stand."""
        if form != "bare":
            return form
        if not is_named and is_image_folder(path):
            return "tree"
        return "alone" if is_alone else "bare"

    def see_envelope(self, text: bytes, item_count: int, origin: str) -> None:
        """Count a list whose items have been read."""
        try:
            envelope = msgspec.json.decode(text, type=_Envelope)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise DecodeError(f"{origin} is a broken list: {error}.", hint="Fetch it again.") from error
        refuse_kind(envelope.kind, text, origin)
        if envelope.kind not in LIST_KINDS or not is_ours(envelope.api_version):
            _count(self._other_kinds, (envelope.kind or "")[:MOST_CHARACTERS])
            return
        self._has_lists = True
        if len(self._versions) + len(self._list_sizes) > _MOST_LISTS:
            raise LimitError(f"{origin} is one of more than {_MOST_LISTS} lists.", hint="Import fewer at a time.")
        if envelope.kind == "ImageList":
            self.forms["ImageList"] += 1
            metadata = envelope.metadata or ListMetadata()
            self._versions[metadata.resource_version or ""].add(metadata, item_count)
        elif not (envelope.kind or "").startswith("ImageStream"):
            self.forms["List"] += 1
            self._list_sizes.add(item_count)

    def end(self, origin: str) -> None:
        """Judge one input. Raises `DecodeError` where it held no Images and no list that could be empty."""
        if not self.has_images and self._watch_errors:
            raise DecodeError(
                f"{origin} is a watch that ended with an error: {self._watch_errors[-1]}.", hint=WATCH_AGAIN
            )
        if not self.has_images and (self._other_kinds or not self._has_lists):
            raise nothing_found(origin, self._traits, self._other_kinds, self._expected_in_tree)

    def conclude(self, report: SourceReport, left_out_count: int) -> None:
        """Put into the report what all inputs together show."""
        report.resource_versions = sorted(version for version in self._versions if version)
        report.is_consistent = len(self._versions) <= 1 and not self.forms["event"]
        report.expected_count = self._expected_count()
        problems = self._problems()
        report.warnings += problems + self._doubts()
        if left_out_count:
            report.warnings.append(f"{left_out_count} links or special files were left out.")
        is_proven = not (self.forms.keys() - {"ImageList", "bare", "alone"}) and self._versions
        report.completeness = "partial" if problems else "proven" if is_proven else "unproven"

    def _expected_count(self) -> int | None:
        announced = [pages.announced_count for pages in self._versions.values()]
        return sum(announced) if announced else self._expected_in_tree

    def _problems(self) -> list[str]:
        """Say what shows that objects are missing."""
        problems = [
            f"Pages of the list at resourceVersion {version or 'unknown'} are missing."
            for version, pages in self._versions.items()
            if not pages.is_whole
        ]
        single_forms = {"alone", "embedded", "event"} & self.forms.keys()
        if single_forms and not (self._versions or self.forms["tree"] or self.forms["bare"]):
            problems.append("Single objects, embedded ones and watch events are not the whole resource.")
        in_tree = self.forms["tree"]
        if self._expected_in_tree is not None and in_tree < self._expected_in_tree:
            problems.append(f"The tree has {in_tree} Images, its etcd_info counts {self._expected_in_tree}.")
        return problems

    def _doubts(self) -> list[str]:
        """Say what a careful reader should know though nothing is proven."""
        doubts = [
            f"A saved List of {size} items ends where a chunk of `oc get` ends; it may be cut."
            for size in sorted(self._list_sizes)
            if size and size % OC_CHUNK_SIZE == 0
        ]
        doubts += [f"A watch ended with an error: {text}." for text in self._watch_errors]
        if self._others_in_named:
            doubts.append(f"Objects that are no Images were left out: {listed(self._others_in_named)}.")
        return doubts


def _count(kinds: Counter[str], kind: str) -> None:
    """Count a kind; beyond a number of kinds, whoever made them up, they are counted together."""
    is_one_too_many = kind not in kinds and len(kinds) >= _MOST_KINDS
    kinds["others" if is_one_too_many else kind] += 1


class _Pages:
    """Pages of one list."""

    def __init__(self) -> None:
        self._item_count = 0
        self._has_end = False
        self.announced_count = 0

    def add(self, metadata: ListMetadata, item_count: int) -> None:
        self._item_count += item_count
        self._has_end |= not metadata.continue_
        self.announced_count = max(self.announced_count, item_count + (metadata.remaining_item_count or 0))

    @property
    def is_whole(self) -> bool:
        return self._has_end and self._item_count >= self.announced_count


def object_count(content: bytes) -> int | None:
    """Read the number of Images from must-gather's count of keys: JSON by key, or lines of `uniq -c`."""
    try:
        counts = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        line = _COUNTED_LINE.search(content.decode(errors="replace"))
        return int(line[1]) if line else None
    if not isinstance(counts, dict):
        return None
    for key, entry in counts.items():
        if key.strip("/") in _COUNTED_KEYS:
            count = entry.get("count") if isinstance(entry, dict) else entry
            return count if isinstance(count, int) else None
    return None
