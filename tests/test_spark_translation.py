"""Canned SQL becomes Spark's: what is translated how, what is refused, which columns are left out; without Java."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from canned import EVERY

from indexer import queries
from indexer.errors import EngineError, ExitCode, QueryError
from indexer.schema import PART_FIELDS
from indexer.spark import relations, session
from indexer.spark.planning import plan
from indexer.spark.translation import Relation, read
from indexer.view_schema import VIEWS

TRANSLATED = {
    "l.layers[1].name": "TRY_ELEMENT_AT(l.layers, 1).name",
    "l.layers[-1]": "TRY_ELEMENT_AT(l.layers, -1)",
    "l.labels['a']": "TRY_ELEMENT_AT(l.labels, 'a')",
    "l.layers[l.place]": "TRY_ELEMENT_AT(l.layers, CAST(l.place AS INT))",
    "l.layers[2:3]": "SLICE(l.layers, CAST(2 AS INT), GREATEST(CAST((3) - (2) + 1 AS INT), 0))",
    "l.layers[:l.n]": "SLICE(l.layers, CAST(1 AS INT), GREATEST(CAST((l.n) - (1) + 1 AS INT), 0))",
    "l.layers[:l.n.m]": "SLICE(l.layers, CAST(1 AS INT), GREATEST(CAST((l.n.m) - (1) + 1 AS INT), 0))",
    "l.layers[2:]": "SLICE(l.layers, CAST(2 AS INT), GREATEST(CAST((SIZE(l.layers)) - (2) + 1 AS INT), 0))",
    "1 / 3600.0": "1 / CAST(3600.0 AS DOUBLE)",
    "round(l.share, 2)": "(ROUND((l.share) * CAST(100 AS DOUBLE)) / CAST(100 AS DOUBLE))",
    "round(l.share)": "ROUND(l.share)",
    "date_diff('day', l.a, l.b)": "DATEDIFF(l.b, l.a)",
    "date_diff('second', l.a, l.b)": "(UNIX_SECONDS(l.b) - UNIX_SECONDS(l.a))",
    "date_diff('minute', l.a, l.b)": "(FLOOR(UNIX_SECONDS(l.b) / 60) - FLOOR(UNIX_SECONDS(l.a) / 60))",
    "regexp_matches(l.a, '^b$')": r"l.a RLIKE '^b\\z'",
    "regexp_full_match(l.a, 'b|c')": r"l.a RLIKE '^(?:b|c)\\z'",
    "regexp_extract(l.a, '(b)$', 1)": r"REGEXP_EXTRACT(l.a, '(b)\\z', 1)",
    "regexp_replace(l.a, '^b', '')": "REGEXP_REPLACE(l.a, '^b', '')",
    r"l.a LIKE 'b\_c'": r"l.a LIKE 'b\\\\_c'",
    "CAST(l.a / 8 AS BIGINT)": "CAST(RINT(l.a / 8) AS BIGINT)",
    "CAST(l.a AS BIGINT)": "CAST(l.a AS BIGINT)",
    "TRY_CAST(l.a AS TIMESTAMP WITH TIME ZONE)": (
        r"CASE WHEN l.a RLIKE '^[0-9]+-[0-9]+-[0-9]+([ T].*[^ ])?\\z' THEN TRY_CAST(l.a AS TIMESTAMP) END"
    ),
    "strftime(l.a, '%Y-%m')": "DATE_FORMAT(l.a, 'yyyy-MM')",
    "list_position(l.a, 'b')": "ARRAY_POSITION(l.a, 'b')",
    "list_reverse(l.a)": "REVERSE(l.a)",
    "list_transform(l.a, lambda b : b.c)": "TRANSFORM(l.a, b -> b.c)",
    "list_transform(l.a, lambda b, n : {'n': n, 'b': b.n + l.n})": (
        "TRANSFORM(l.a, (b, n) -> STRUCT(CAST(n + 1 AS BIGINT) AS n, b.n + l.n AS b))"
    ),
    "sha256(l.a)": "SHA2(l.a, 256)",
    "json_extract_string(l.a, '$.b.c')": "VARIANT_GET(PARSE_JSON(l.a), '$.b.c', 'string')",
    "json_extract_string(l.a, '$.\"b-c\"')": "VARIANT_GET(PARSE_JSON(l.a), '$[\"b-c\"]', 'string')",
    "reference_digest(l.a)": "(NULLIF(SPLIT_PART((l.a), '@', 2), ''))",
    "$names": ":names",
    "CAST($names AS VARCHAR[])": "CAST(:names AS ARRAY<STRING>)",
    "l.a IS NOT DISTINCT FROM l.b": "l.a IS NOT DISTINCT FROM l.b",
}

REFUSED = {
    "SELECT regexp_replace(l.a, 'b', '') FROM layers AS l": "every match",
    "SELECT reflect('java.lang.System', 'exit', 1) FROM layers AS l": "reflect has no translation",
    "SELECT array_agg(l.a ORDER BY l.b DESC) FROM layers AS l": "ascending order",
    "SELECT date_diff('year', l.a, l.b) FROM layers AS l": "years",
    "SELECT strftime(l.a, '%d.%m.%Y') FROM layers AS l": "time format",
    "SELECT json_extract(l.a, l.b) FROM layers AS l": "no path",
    "SELECT l.a FROM layers AS l CROSS JOIN UNNEST(l.b) AS u (c) CROSS JOIN images AS i": "behind all joins",
    "SELECT * FROM parquet.`/etc`": "can't be translated|no view",
    "SELECT * FROM read_parquet('/etc/passwd')": "no view|no translation",
    "SELECT * FROM secrets": "no view",
    "SELECT 1; SELECT 2": "Only statements that read",
    "DROP TABLE layers": "Only statements that read",
    "SELECT (": "can't be translated",
}


def in_one_line(text: str) -> str:
    """Return a statement without its line breaks."""
    return " ".join(text.replace("(\n", "(").split()).replace("( ", "(").replace(" )", ")")


@pytest.mark.parametrize("duckdb", TRANSLATED)
def test_expressions_become_sparks(duckdb) -> None:
    """Each form the canned SQL uses has its counterpart, in places sqlglot by itself says something else."""
    statement = in_one_line(read(f"SELECT {duckdb} AS x FROM layers AS l").text())
    assert statement == f"SELECT {TRANSLATED[duckdb]} AS x FROM layers AS l"


@pytest.mark.parametrize("statement", REFUSED)
def test_what_has_no_translation_is_refused(statement) -> None:
    """Nothing reaches Spark that it would answer differently, that reads beyond the store or does more than read."""
    with pytest.raises(QueryError, match=REFUSED[statement]) as caught:
        plan(statement)
    assert caught.value.hint


@pytest.mark.parametrize(("kind", "name"), EVERY, ids=[name for _, name in EVERY])
def test_every_statement_has_a_plan(kind, name) -> None:
    """Each query and check is translated, with every view it reaches, each view before its readers."""
    planned = plan(queries.load(name, kind).sql)
    made = set(planned.bases)
    for step in planned.steps:
        reads = {relation for _, relation in read(queries.view_sql(step.relation.name), step.relation.schema).reads}
        assert reads <= made
        made.add(step.relation)
    assert {relation for _, relation in read(queries.load(name, kind).sql).reads} <= made


def test_null_order_is_said() -> None:
    """Spark sorts nulls first by itself, DuckDB last."""
    text = in_one_line(read("SELECT l.a FROM layers AS l ORDER BY l.a, l.b NULLS FIRST, l.c DESC").text())
    assert text.endswith("ORDER BY l.a NULLS LAST, l.b, l.c DESC")


def test_unnest_becomes_a_numbered_lateral_view() -> None:
    """Ordinals count from 1, and the list may be null."""
    text = in_one_line(read("SELECT u.x FROM layers AS l CROSS JOIN UNNEST(l.a) WITH ORDINALITY AS u (x, n)").text())
    numbered = "NAMED_STRUCT('x', each_item, 'n', CAST(each_place + 1 AS BIGINT))"
    rows = f"INLINE(TRANSFORM(l.a, (each_item, each_place) -> {numbered}))"
    assert text == f"SELECT u.x FROM layers AS l LATERAL VIEW {rows} u AS x, n"


def test_lists_are_null_where_nothing_is_collected() -> None:
    """An aggregate over no rows is null in DuckDB and an empty list in Spark; order and nulls are kept."""
    text = in_one_line(
        read("SELECT array_agg(DISTINCT l.a ORDER BY l.a) FILTER (WHERE l.b) AS x FROM layers AS l").text()
    )
    keys = "NAMED_STRUCT('is_null_0', l.a IS NULL, 'key_0', l.a, 'value', l.a)"
    rows = f"COLLECT_SET({keys}) FILTER(WHERE l.b)"
    made = f"TRANSFORM(ARRAY_SORT({rows}), each_item -> each_item.value)"
    assert text == f"SELECT CASE WHEN COUNT(*) FILTER(WHERE l.b) > 0 THEN {made} END AS x FROM layers AS l"


def test_a_name_of_the_statement_hides_a_view() -> None:
    """A common table expression may have the name of a view, and read that view."""
    planned = plan(
        "WITH layers AS (SELECT l.layer_digest FROM layers AS l), a AS (SELECT * FROM layers) SELECT * FROM a"
    )
    assert [step.relation.name for step in planned.steps][-1] == "layers"
    assert plan("WITH images AS (SELECT 1 AS x) SELECT x FROM images").steps == ()


def test_schemas_become_names() -> None:
    """Spark's temporary views have no schema; what a view reads is of its own schema."""
    planned = plan("SELECT layers.size_bytes FROM all_snapshots.layers")
    assert "FROM all_snapshots_layers AS layers" in in_one_line(planned.text)
    assert {step.relation.schema for step in planned.steps} == {"all_snapshots"}
    assert planned.bases == (Relation("all_snapshots", "registry_aliases"), Relation("all_snapshots", "stored_images"))


def test_columns_nobody_needs_are_left_out() -> None:
    """The copy of the whole object is not read for figures, though a view hands it on; for a star it is."""

    def step(statement: str, name: str) -> str:
        return next(step.text for step in plan(statement).steps if step.relation.name == name)

    assert "raw_json" not in step("SELECT i.kind FROM images AS i", "image_objects")
    assert "raw_json" in step("SELECT i.raw_json FROM images AS i", "image_objects")
    assert "raw_json" in step("WITH a AS (SELECT i.* FROM images AS i) SELECT * FROM a", "image_objects")
    assert "raw_json" in step("SELECT count(*) FROM (SELECT DISTINCT * FROM images) AS i", "image_objects")
    assert "raw_json" not in step("WITH a AS (SELECT i.* FROM images AS i) SELECT a.kind FROM a", "image_objects")
    assert "is_index" in step("SELECT m.image_name FROM index_members AS m", "index_members")


def test_a_view_keeps_a_column_when_it_is_only_counted() -> None:
    """A view none of whose columns is named still has its rows."""
    (text,) = [step.text for step in plan("SELECT count(*) AS n FROM snapshot_series").steps]
    assert in_one_line(text).endswith("SELECT j.cluster FROM judged AS j")


def test_views_that_are_read_more_than_once_are_steps_of_their_own() -> None:
    """What several readers wait for is computed once."""
    shared = {step.relation.name: step.is_shared for step in plan(queries.load("capacity-summary").sql).steps}
    assert shared["image_layers"]
    assert not shared["images"]


def test_every_column_has_a_type_in_spark() -> None:
    """Parts are read by a schema, so that older ones lack nothing; nested fields keep their names."""
    types = {field.name: relations.spark_type(field.type) for field in PART_FIELDS}
    assert types["docker_image_layers"].startswith("ARRAY<STRUCT<`name`: STRING, `size`: BIGINT")
    assert all(types.values())
    assert len(VIEWS) > 10


class _Remote:
    """A folder in object storage."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __str__(self) -> str:
        return self.url


def test_addresses_are_spelled_as_connectors_do() -> None:
    """Spark's connector of S3 is called s3a; of a store it has none for, the error says what to do."""
    assert relations.spark_address(Path("/a b/[c]%20")) == "file:///a b/[c]%20"
    assert relations.spark_address(_Remote("s3://bucket/folder")) == "s3a://bucket/folder"
    assert relations.spark_address(_Remote("gs://bucket")) == "gs://bucket"
    with pytest.raises(EngineError, match="az://container/x") as caught:
        relations.spark_address(_Remote("az://container/x"))
    assert "DuckDB" in caught.value.hint


def test_missing_java_is_an_error_of_ours(monkeypatch, tmp_path) -> None:
    """Without Java the error says what to install, before Spark's scripts fail with a trace."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(EngineError, match="needs Java") as caught:
        session.check_installed()
    assert "Java 17" in caught.value.hint
    assert caught.value.exit_code == ExitCode.USAGE
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(EngineError, match="JAVA_HOME"):
        session.check_installed()


@pytest.mark.parametrize("missing", ["pyspark", "sqlglot"])
def test_a_missing_package_is_an_error_of_ours(environment, sample_store, missing) -> None:
    """Without the extra the command says how to install it."""
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from indexer.cli import main\n"
        f"sys.argv = ['image-indexer', 'query', 'signers', '--engine', 'spark', '--store', {str(sample_store)!r}]\n"
        "main()"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert ended.returncode == ExitCode.USAGE
    assert ended.stdout == ""
    assert "pip install 'image-indexer[spark]'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_master_that_does_not_answer_is_told_at_once() -> None:
    """Spark itself would try for a minute."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"spark://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(EngineError, match=address.removeprefix("spark://")) as caught:
            session.start(address)
    assert "--master" in caught.value.hint
    with pytest.raises(EngineError, match="no address of a master"):
        session.start("spark://nowhere")


class Context:
    """A context on a master none of whose workers has taken the job: the driver stands alone."""

    master = "spark://127.0.0.1:7077"
    is_stopped = False

    def __getattr__(self, _: str) -> object:
        return lambda: self

    @property
    def _jsc(self) -> Context:
        return self

    @property
    def sparkContext(self) -> Context:  # noqa: N802
        """Be one's own."""
        return self

    def size(self) -> int:
        """Executors, the driver counted."""
        return 1

    def stop(self) -> None:
        """End the session."""
        self.is_stopped = True


def test_a_master_without_room_is_told(monkeypatch) -> None:
    """Statements would wait for a worker for ever."""
    monkeypatch.setattr(session, "WORKER_SECONDS", 0)
    context = Context()
    with pytest.raises(EngineError, match="No worker") as caught:
        session._await_worker(context)
    assert context.is_stopped
    assert "spark.executor.memory" in caught.value.hint


def test_a_master_needs_the_engine(run, sample_store) -> None:
    """A master given to DuckDB is a mistake, not a wish to ignore."""
    ended = run("query", "completeness", "--store", sample_store, "--master", "local[1]")
    assert ended.returncode == ExitCode.USAGE
    assert b"--engine spark" in ended.stderr
