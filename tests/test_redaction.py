"""No byte of a redacted store holds a secret, and equal secrets are still seen to be equal."""

from __future__ import annotations

import base64
import json

import duckdb
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from input_forms import corpus

from indexer.cli import cli
from indexer.errors import ConfigurationError
from indexer.redaction import Redactor

PASSWORD = "hunter2-correct-horse"
TOKEN = "ghp_0123456789abcdef"
SHORT = "s3cr"
IN_ADDRESS = "postgres://app:pa55word9@db:5432/x"
PLANTED = (PASSWORD, TOKEN, SHORT, "pa55word9")
ENVIRONMENT = [
    "PATH=/usr/bin:/bin",
    f"DB_PASSWORD={PASSWORD}",
    f"GITHUB_TOKEN={TOKEN}",
    f"api_key={SHORT}",
    f"DATABASE={IN_ADDRESS}",
    "NOT_SET_PASSWORD",
    "EMPTY_SECRET=",
]


def planted_image(name="sha256:" + "1" * 64):
    """Plant the secrets wherever an Image repeats its environment."""
    history = [
        {"created_by": f"/bin/sh -c #(nop)  ENV DB_PASSWORD={PASSWORD} api_key={SHORT}"},
        {"created_by": f"|1 GITHUB_TOKEN={TOKEN} /bin/sh -c make"},
        {"created_by": f'RUN BUILD_SECRET="{TOKEN}" make', "comment": f"with {PASSWORD}"},
        {"created_by": f"ENV DB_PASSWORD {PASSWORD}"},
    ]
    config = {"config": {"Env": ENVIRONMENT}, "container_config": {"Env": ENVIRONMENT}, "history": history}
    compatibility = json.dumps({"config": {"Env": ENVIRONMENT}, "container_config": {"Cmd": [f"ENV K={PASSWORD}"]}})
    command = ["/bin/sh", "-c", f"#(nop) ENV DB_PASSWORD={PASSWORD}"]
    metadata = {"Config": {"Env": ENVIRONMENT, "Labels": {"note": f"uses {TOKEN}"}}}
    image = {
        "metadata": {"name": name, "uid": "u", "annotations": {}},
        "dockerImageReference": "quay.io/example/app@" + name,
        "dockerImageMetadata": {**metadata, "ContainerConfig": {"Env": ENVIRONMENT, "Cmd": command}},
        "dockerImageConfig": json.dumps(config),
        "dockerImageManifest": json.dumps({"schemaVersion": 1, "history": [{"v1Compatibility": compatibility}]}),
    }
    last_applied = json.dumps(image)
    image["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": last_applied}
    return image


def with_duplicate_key(image):
    """Write the object with an environment that a second key of the same name hides."""
    text = json.dumps(image)
    hidden = json.dumps({"Env": ENVIRONMENT})[1:-1]
    return text.replace('"Config": {', '"Config": {' + hidden + ", ", 1)


@pytest.fixture
def planted(tmp_path):
    """Write two objects with the same secrets as NDJSON."""
    second = with_duplicate_key(planted_image("sha256:" + "2" * 64))
    path = tmp_path / "images.ndjson"
    path.write_text("\n".join([json.dumps(planted_image()), second]))
    return path


def run_import(path, store, *options):
    """Run the command."""
    arguments = ["import", str(path), "--store", str(store), "--cluster", "c", *options]
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


def plain_bytes(store):
    """Every byte of a store, and every value of its parts unpacked and decoded from base64 where it is that."""
    blobs = [path.read_bytes() for path in store.rglob("*") if path.is_file()]
    rows = duckdb.sql(f"SELECT * FROM read_parquet('{store}/**/*.parquet')").fetchall()
    return b"".join([*blobs, repr(rows).encode(), base64.b64encode(b"")])


def test_planted_secrets_are_in_no_byte_of_a_redacted_store(planted, tmp_path):
    """Neither files nor values hold any of them, from whichever place they came."""
    run_import(planted, tmp_path / "store", "--redact-env", "secrets")
    content = plain_bytes(tmp_path / "store")
    assert [secret for secret in PLANTED if secret.encode() in content] == []


def test_without_redaction_they_are_there(planted, tmp_path):
    """The search for secrets finds them where nothing was redacted."""
    run_import(planted, tmp_path / "store")
    content = plain_bytes(tmp_path / "store")
    assert [secret for secret in PLANTED if secret.encode() in content] == list(PLANTED)


def test_the_rest_of_an_object_stays(planted, tmp_path):
    """Names and harmless variables are kept, and the receipt says what was done."""
    run_import(planted, tmp_path / "store", "--redact-env", "secrets")
    row = duckdb.sql(
        f"SELECT docker_image_metadata.config.env, docker_image_reference, raw_json "
        f"FROM read_parquet('{tmp_path}/store/**/*.parquet') ORDER BY metadata.name"
    ).fetchall()[0]
    environment = row[0]
    assert environment[0] == "PATH=/usr/bin:/bin"
    assert environment[1].startswith("DB_PASSWORD=[redacted:")
    assert environment[5:] == ["NOT_SET_PASSWORD", "EMPTY_SECRET="]
    assert row[1] == planted_image()["dockerImageReference"]
    assert json.loads(row[2])["metadata"]["name"] == planted_image()["metadata"]["name"]
    receipt = json.loads(next((tmp_path / "store").rglob("_receipt.json")).read_text())
    assert receipt["redaction"]["names"] == ["secrets"]
    assert receipt["redaction"]["value_count"] > 0


def test_equal_secrets_have_equal_hashes_under_one_key_only():
    """Comparing within and across snapshots needs the same key; another key gives other hashes."""
    text = json.dumps(planted_image()).encode()
    one, same, other = Redactor(["secrets"], b"k" * 32), Redactor(["secrets"], b"k" * 32), Redactor(["secrets"])
    assert one.redact(text) == same.redact(text) != other.redact(text)
    assert one.key_id == same.key_id != other.key_id


def test_all_and_own_patterns():
    """`all` takes every variable; an own pattern takes its names, in any case."""
    text = json.dumps({"Env": ["PATH=/usr/bin", "Feature_URL=http://a", "X=y"]}).encode()
    assert [entry.count("[redacted:") for entry in json.loads(Redactor(["all"]).redact(text))["Env"]] == [1, 1, 1]
    assert [entry.count("[redacted:") for entry in json.loads(Redactor(["*_url"]).redact(text))["Env"]] == [0, 1, 0]


def test_a_key_file_makes_snapshots_comparable(planted, tmp_path):
    """Two imports with one key file store the same rows; a short key is refused."""
    key = tmp_path / "key"
    key.write_text("0123456789abcdef0123456789abcdef")
    for store in ("a", "b"):
        options = ("--redact-env", "secrets", "--redaction-key-file", str(key))
        assert run_import(planted, tmp_path / store, *options).exit_code == 0
    first, second = (next((tmp_path / store).rglob("*.parquet")).read_bytes() for store in ("a", "b"))
    assert first == second
    key.write_text("short")
    with pytest.raises(ConfigurationError, match="too short"):
        run_import(planted, tmp_path / "c", *options)


def test_objects_without_secrets_keep_their_values():
    """Redaction changes nothing but environments: the corpus comes out as it went in."""
    redactor = Redactor(["NO_SUCH_NAME"])
    for image in corpus():
        assert json.loads(redactor.redact(json.dumps(image).encode())) == image


_NAMES = st.sampled_from(["PASSWORD", "MY_TOKEN", "PATH", "x"])
_VALUES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=8, max_size=20)


@given(st.lists(st.tuples(_NAMES, _VALUES), min_size=1), st.integers(0, 3))
def test_no_value_of_a_secret_name_survives_in_any_depth_of_json(variables, depth):
    """Whatever the values are and however often JSON is put into JSON, environments lose them."""
    value = {"Env": [f"{name}={value}" for name, value in variables]}
    for _ in range(depth):
        value = {"inner": json.dumps(value)}
    result = json.loads(Redactor(["secrets"], b"k" * 16).redact(json.dumps(value).encode()))
    for _ in range(depth):
        result = json.loads(result["inner"])
    for (name, value), entry in zip(variables, result["Env"], strict=True):
        is_secret = name in {"PASSWORD", "MY_TOKEN"}
        assert (entry != f"{name}={value}") == is_secret
