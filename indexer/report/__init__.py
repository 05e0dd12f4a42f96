"""Chosen canned queries → one HTML file that needs nothing else: no network, no script, no second file."""

from __future__ import annotations

from indexer.report.charts import require_libraries
from indexer.report.page import ReportOptions, render_report

__all__ = ["ReportOptions", "render_report", "require_libraries"]
