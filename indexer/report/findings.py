"""One sentence for each figure that has a point, made from all its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer import checks
from indexer.output import human_bytes
from indexer.report.pictures import place_of

if TYPE_CHECKING:
    from indexer.report.figures import Row


_YEAR_DAYS = 365


def summary(rows: list[Row]) -> str:
    """Say what the images hold against what they occupy."""
    (row,) = rows
    if not row["logical_bytes"]:
        return f"{row['image_count']:,} Image objects, no bytes known."
    saved = 1 - row["physical_bytes"] / row["logical_bytes"]
    return (
        f"{row['image_count']:,} Image objects in {row['repository_count']:,} repositories hold "
        f"{human_bytes(row['logical_bytes'])}; with each layer counted once they occupy "
        f"{human_bytes(row['physical_bytes'])}: sharing saves {saved:.0%}."
    )


def largest_registry(rows: list[Row]) -> str:
    """Which registry holds most."""
    largest = max(rows, key=lambda row: row["physical_bytes"])
    return (
        f"{place_of(largest, 'registry')} holds most: {human_bytes(largest['physical_bytes'])} in "
        f"{largest['image_count']:,} images, {human_bytes(largest['exclusive_bytes'])} of them nowhere else."
    )


def largest_repositories(rows: list[Row]) -> str:
    """How many repositories make up most of the exclusive bytes."""
    sizes = sorted((int(row["exclusive_bytes"]) for row in rows), reverse=True)
    total, reached, count = sum(sizes), 0, 0
    while count < len(sizes) and reached * 5 < total * 4:
        reached, count = reached + sizes[count], count + 1
    return f"{count:,} of {len(rows):,} repositories hold four fifths of all exclusive bytes ({human_bytes(total)})."


def sharing(rows: list[Row]) -> str:
    """How many layers one image alone holds."""
    alone = rows[0]
    total = sum(int(row["physical_bytes"]) for row in rows)
    share = alone["physical_bytes"] / total if total else 0
    return (
        f"{alone['layer_share'] or 0:.0%} of the layers and {share:.0%} of the physical bytes "
        f"({human_bytes(alone['physical_bytes'])}) belong to one image only."
    )


def saved(rows: list[Row]) -> str:
    """How much of the saving a few layers make."""
    total = sum(int(row["saved_bytes"]) for row in rows)
    first = sum(int(row["saved_bytes"]) for row in rows[:10])
    if not total:
        return "No layer is held by two images."
    return f"Sharing saves {human_bytes(total)} in all; {first / total:.0%} of that come from ten layers."


def stale(rows: list[Row]) -> str:
    """How many images are old; their exclusive bytes add up, as each layer is in one of them only."""
    total = sum(int(row["exclusive_bytes"]) for row in rows)
    return f"{len(rows):,} images are older than a year; {human_bytes(total)} of layers are in just one of them."


def growth(rows: list[Row]) -> str:
    """How much came in the last twelve months that are there."""
    months = sorted({row["month"] for row in rows if row["month"]})[-12:]
    if not months:
        return ""
    fresh = [row for row in rows if row["month"] in months]
    total = sum(int(row["new_bytes"]) for row in fresh)
    images = sum(row["image_count"] for row in fresh)
    return f"From {months[0]} to {months[-1]}, {images:,} images brought {human_bytes(total)} of new layers."


def ages(rows: list[Row]) -> str:
    """How many images the cluster has had for a year."""
    total = sum(row["first_seen_count"] for row in rows)
    old = sum(row["first_seen_count"] for row in rows if (row["min_age_days"] or 0) >= _YEAR_DAYS)
    return f"{old:,} of {total:,} images were first stored a year ago or earlier."


def duplicates(rows: list[Row]) -> str:
    """How many images could be fewer."""
    groups = len({(row["cluster"], row["layers_digest"]) for row in rows})
    return f"{len(rows):,} images have only {groups:,} different contents."


def quality(rows: list[Row]) -> str:
    """How much of what was found makes figures wrong."""
    failed = sum(row["finding_count"] for row in rows if row["severity"] == checks.FAIL)
    warned = sum(row["finding_count"] for row in rows) - failed
    return f"{failed:,} findings make figures wrong, {warned:,} more are worth knowing."


def completeness(rows: list[Row]) -> str:
    """Whether every snapshot can be relied on, and what is missing."""
    complete = sum(bool(row["is_complete"]) for row in rows)
    skipped = sum(row["skipped_count"] for row in rows)
    missing = f"{skipped:,} items could not be read and are missing" if skipped else "no item was left out"
    return f"{complete:,} of {len(rows):,} snapshots hold the whole resource; {missing}."


def coverage(rows: list[Row]) -> str:
    """How many repositories have every required platform."""
    covered = sum(bool(row["is_covered"]) for row in rows)
    return f"{covered:,} of {len(rows):,} repositories have every required platform."


def signed(rows: list[Row]) -> str:
    """How many images carry a signature."""
    images = sum(row["image_count"] for row in rows)
    signed_count = sum(row["signed_count"] for row in rows)
    trusted = sum(row["trusted_count"] for row in rows)
    share = signed_count / images if images else 0
    return (
        f"{signed_count:,} of {images:,} images and indexes ({share:.1%}) have a signature recorded, "
        f"{trusted:,} are marked trusted."
    )
