"""The fault matrix as a page: run this file to write it again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import ANY

from fault_rows import EXPIRED_ROWS, LIST_ROWS, REFUSAL_ROWS, RETRY_ROWS
from login_rows import LOGIN_ROWS

if TYPE_CHECKING:
    from fault_rows import Row

PAGE_TEXT = Path(__file__).parents[1] / "docs" / "fault-matrix.md"
WRITE = "python tests/fault_matrix.py"
GROUPS = {
    "Lists": LIST_ROWS,
    "The list expires (410)": EXPIRED_ROWS,
    "Failures that pass, and that do not": RETRY_ROWS,
    "Refusals and wrong servers": REFUSAL_ROWS,
    "Logins": LOGIN_ROWS,
}
ALL_ROWS = [(group, row) for group, rows in GROUPS.items() for row in rows]


def matrix_page() -> str:
    """Write the matrix as Markdown."""
    text = (
        "# What a live export does when servers, networks and credentials fail\n\n"
        "Every row is run by `tests/test_fault_matrix.py` through the command line, against a server on loopback, and\n"
        "what is published is compared with what that server had. Exit codes: 0 done, 2 usage or configuration,\n"
        "3 source unreachable or refused, 4 data can't be decoded, 5 incomplete. Receipts are those of an undisturbed\n"
        "run but for the fields named. This page is generated.\n"
    )
    for group, rows in GROUPS.items():
        text += f"\n## {group}\n\n| What happens | Options | Exit | Published | The receipt or the error says |\n"
        text += "|---|---|---|---|---|\n" + "".join(map(_line, rows))
    return text


def _line(row: Row) -> str:
    options = f"`{' '.join(row.arguments)}`" if row.arguments else ""
    return f"| {row.did} | {options} | {row.exit_code} | {row.outcome} | {_words(row)} |\n"


def _words(row: Row) -> str:
    said = [f"“{row.says}”"] if row.says else []
    for name, value in row.receipt.items():
        if value is ANY:
            continue
        if name == "moments":
            said.append(f"{value} resource_versions")
        elif name == "broken_after":
            said.append(f"broken_at: last name of page {value}")
        elif name == "warnings":
            said.append(f"a warning: “{value}”")
        else:
            said.append(f"{name}: {json.dumps(value)}")
    said += [f"sent {name}: {value}" for name, value in row.sent.items()]
    return ", ".join(said)


if __name__ == "__main__":
    PAGE_TEXT.parent.mkdir(exist_ok=True)
    PAGE_TEXT.write_text(matrix_page())
