"""Every canned query and check there is, with parameters it can run with."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from indexer import queries

GOLDEN = Path(__file__).parent / "golden"
CASES: dict[str, dict[str, Any]] = tomllib.loads((GOLDEN / "cases.toml").read_text(encoding="utf-8"))
"""Parameters by golden file: `<query>__<case>`, or `<query>` for one that has none by default."""

EVERY = [(kind, name) for kind in ("query", "check") for name in queries.names(kind)]


def query_of(case: str) -> str:
    """Return the query a golden file belongs to."""
    return case.partition("__")[0]


def parameters_of(name: str) -> dict[str, Any]:
    """Return parameters a query runs with: its defaults, or those of its plain golden file."""
    return CASES.get(name, {})
