"""Escaping of strangers' text for the place it is shown: terminals, spreadsheets, Markdown."""

from __future__ import annotations

import unicodedata

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_BACKSLASHED = {character: f"\\{character}" for character in "\\`*_[]|"}
_MARKDOWN = str.maketrans(_BACKSLASHED | {"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def for_terminal(text: str) -> str:
    """Show control and invisible characters as escapes, so that text can't steer a terminal or reorder itself."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def for_spreadsheet(text: str) -> str:
    """Put an apostrophe before text a spreadsheet would run as a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def for_markdown(text: str) -> str:
    """Escape what Markdown or HTML would act on in a table cell."""
    return for_terminal(text).translate(_MARKDOWN)


def _shown(character: str) -> str:
    if unicodedata.category(character) in _HIDDEN_CATEGORIES:
        return character.encode("unicode_escape").decode()
    return character
