"""JSON: DuckDB reads it from text by paths, some with a wildcard; Spark by paths into a parsed VARIANT.

A path ends in one value, or has one `[*]` and ends in a list: of what an array holds at the rest of the path, without
the items that lack it. JSON that is handed on is text again, as in DuckDB.
"""

from __future__ import annotations

import re

from sqlglot import exp

from indexer.errors import QueryError
from indexer.spark.expressions import call, for_each, is_null, number, only, text, unless_null

_WILDCARD = "[*]"
_PLAIN_KEY = re.compile(r"\w+")


def extract(node: exp.JSONExtract | exp.JSONExtractScalar) -> exp.Expr:
    """`json_extract` and `json_extract_string`."""
    is_text = isinstance(node, exp.JSONExtractScalar)
    document, (path, found, rest) = node.this, _path(node.expression).partition(_WILDCARD)
    if not found:
        return _get(document, path, "string") if is_text else call("to_json", _get(document, path, "variant"))
    items = _items(document, path)
    if rest:
        items = only(
            for_each(items, lambda item: call("variant_get", item, text(f"${rest}"), text("variant"))),
            lambda item: exp.Not(this=is_null(item)),
        )
    return _list_of(document, for_each(items, lambda item: _plain(item, is_text=is_text)))


def array_length(node: exp.Anonymous) -> exp.Expr:
    """`json_array_length`: 0 of what is no array, null where there is nothing."""
    document, path = node.expressions
    length = exp.func("coalesce", call("size", _items(document, path.name)), number(0))
    return unless_null(_get(document, path.name, "variant"), length)


def exists(node: exp.Anonymous) -> exp.Expr:
    """`json_exists`: also of null."""
    document, path = node.expressions
    return unless_null(document, exp.Not(this=is_null(_get(document, path.name, "variant"))))


def valid(node: exp.Anonymous) -> exp.Expr:
    """`json_valid`.

    Spark's parser stops behind the first value. Inside brackets and inside braces anything behind it is an error, but
    for further items or members, which one of the two refuses, and one pair closed early, which the other refuses.
    """
    (document,) = node.expressions
    member = call("try_parse_json", call("concat", text('{"member":'), document, text("}")))
    item = call("try_parse_json", call("concat", text("["), document, text("]")))
    items = call("try_variant_get", item, text("$"), text("array<variant>"))
    is_one = exp.func("coalesce", exp.EQ(this=call("size", items), expression=number(1)), exp.false())
    return unless_null(document, exp.and_(exp.Not(this=is_null(member)), is_one))


def _get(document: exp.Expr, path: str, of: str) -> exp.Expr:
    return call("variant_get", call("parse_json", document), text(path), text(of))


def _items(document: exp.Expr, path: str) -> exp.Expr:
    return call("try_variant_get", call("parse_json", document), text(path), text("array<variant>"))


def _plain(item: exp.Expr, *, is_text: bool) -> exp.Expr:
    return exp.cast(item, exp.DataType.Type.TEXT) if is_text else call("to_json", item)


def _list_of(document: exp.Expr, items: exp.Expr) -> exp.Expr:
    return unless_null(document, exp.func("coalesce", items, exp.Array(expressions=[])))


def _path(path: exp.Expr) -> str:
    parts = path.expressions if isinstance(path, exp.JSONPath) else []
    if not parts:
        raise QueryError(f"{path.sql()} is no path that Spark can follow.", hint="Write it as text: '$.key'.")
    return "$" + "".join(_step(part) for part in parts[1:])


def _step(part: exp.Expr) -> str:
    step = part.this
    if isinstance(step, exp.JSONPathWildcard):
        return _WILDCARD
    if isinstance(part, exp.JSONPathSubscript):
        return f"[{step}]"
    return f".{step}" if _PLAIN_KEY.fullmatch(str(step)) else f'["{step}"]'
