"""Everything that goes to stderr: errors, notes and logging, for people or as JSON lines."""

from __future__ import annotations

import datetime as dt
import logging
import sys
import traceback
from contextvars import ContextVar
from itertools import pairwise
from typing import TYPE_CHECKING

import orjson

from indexer.escaping import for_terminal

if TYPE_CHECKING:
    from types import TracebackType

    from indexer.errors import IndexerError

NOTE = 25
"""Level of what is told without being asked and is no warning."""

_LEVELS = (NOTE, logging.INFO, logging.DEBUG)
logging.addLevelName(NOTE, "INFO")
logger = logging.getLogger("indexer")

SUBJECT: ContextVar[str] = ContextVar("subject", default="")
"""Which of several clusters a message is about; threads that a run starts inherit it."""


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, message and what a record carries in `fields`."""

    def format(self, record: logging.LogRecord) -> str:
        """Render a record."""
        moment = dt.datetime.fromtimestamp(record.created, dt.UTC)
        line = {"time": moment, "level": record.levelname.lower(), "message": record.getMessage()}
        subject = {"cluster": SUBJECT.get()} if SUBJECT.get() else {}
        return orjson.dumps(line | subject | getattr(record, "fields", {}), option=orjson.OPT_UTC_Z).decode()


class TextFormatter(logging.Formatter):
    """One plain line a record, safe for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Render a record."""
        prefix = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
        subject = f"{SUBJECT.get()}: " if SUBJECT.get() else ""
        return for_terminal(f"image-indexer: {prefix}{subject}{record.getMessage()}".replace("\n", " "))


def configure_logging(verbosity: int, log_format: str) -> None:
    """Send the library's log to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    logger.handlers = [handler]
    logger.setLevel(_LEVELS[min(verbosity, len(_LEVELS) - 1)])
    logger.propagate = False
    if log_format == "json":
        sys.excepthook = _log_defect


def show_error(error: IndexerError) -> None:
    """Say on one line what happened, where and what to do next."""
    _log(logging.ERROR, str(error))


def note(text: str) -> None:
    """Tell something that is not data."""
    _log(NOTE, text)


def _log(level: int, text: str) -> None:
    if not logger.handlers:
        configure_logging(0, _asked_format())
    logger.log(level, "%s", text)


def _log_defect(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Keep to one JSON object a line even for what nobody foresaw."""
    fields = {"traceback": "".join(traceback.format_exception(kind, error, trace))}
    logger.critical("A defect of image-indexer: %r", error, extra={"fields": fields})


def _asked_format() -> str:
    """Find the format a command line asks for that could not be parsed: its error keeps to it, too."""
    pairs = pairwise(sys.argv)
    return "json" if "--log-format=json" in sys.argv or ("--log-format", "json") in pairs else "text"
