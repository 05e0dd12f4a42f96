"""What is switched off in the engine because it gives wrong answers.

An outer join whose other side statistics prove to be empty leaves sums above it without bounds, and DuckDB 2.0.0 and
2.0.1 take no bounds for those of the constant in `coalesce(sum(size_bytes), 0)`: 0 to 0. Then a sort keeps one byte of
the sum, a filter drops its row, and grouping by it fails. Every clean fleet has such joins: no index, nothing shared,
nothing foreign. Without these statistics the canned queries take 5 % more CPU time at a million Images.
"""

from __future__ import annotations

WRONG_OPTIMIZER = "statistics_propagation"

ENGINE_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "disabled_optimizers": WRONG_OPTIMIZER,
}
"""How every engine over snapshots starts."""
