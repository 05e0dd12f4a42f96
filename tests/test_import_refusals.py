"""What holds no Images is refused by name, with the sentence that helps, and with the right exit code."""

from __future__ import annotations

import gzip
import subprocess
import sys

import pytest
from input_forms import compact, corpus, image_list, pretty, saved_list, tar, to_yaml, zipped

from indexer.errors import ConfigurationError, ExitCode, IndexerError
from indexer.ingest import IngestOptions, ingest
from indexer.sources.files import FileSource

STATUS = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403}
STATUS |= {"message": "images.image.openshift.io is forbidden: User cannot list resource"}
TABLE = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "columnDefinitions": [], "rows": []}
PARTIAL = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": {}}
PARTIAL_ITEM = {"kind": "PartialObjectMetadata", "metadata": {"name": "sha256:1"}}
STREAMS = {"kind": "ImageStreamList", "items": [{"metadata": {"name": "a"}, "status": {"tags": []}}]}
CONFIG = {"apiVersion": "config.openshift.io/v1", "kind": "Image", "metadata": {"name": "cluster"}}
MUST_GATHER = {
    "must-gather.local.1/quay-io-x/cluster-scoped-resources/config.openshift.io/images.yaml": to_yaml(CONFIG),
    "must-gather.local.1/quay-io-x/namespaces/a/core/pods.yaml": to_yaml({"kind": "PodList", "items": []}),
    "must-gather.local.1/quay-io-x/etcd_info/object_count.json": b'{"/openshift.io/images": 1234}',
    "must-gather.local.1/quay-io-x/host_service_logs/a.log": b"I0101 {a} dockerImageMetadata: [\n" * 3,
}
INSIGHTS = {"config/workload_info.json": b'{"images":{"sha256:1":{"layerIDs":["sha256:2"]}}}', "config/id": b"x"}
INSPECT_COMMAND = "oc adm inspect images.image.openshift.io"
RAW_COMMAND = "oc get --raw"

REFUSED = {
    "Table": (pretty(TABLE), "is a Table", RAW_COMMAND),
    "PartialObjectMetadataList": (pretty(PARTIAL | {"items": [PARTIAL_ITEM]}), "metadata only", RAW_COMMAND),
    "PartialObjectMetadataList after its items": (
        pretty({"items": [{"metadata": {}}]} | PARTIAL), "metadata only", RAW_COMMAND),
    "Status": (compact(STATUS), "403 Forbidden images.image.openshift.io is forbidden", "Fetch the list again"),
    "Status in YAML": (to_yaml(STATUS), "403 Forbidden", "Fetch the list again"),
    "Status among pages": (
        compact(image_list(corpus())) + compact(STATUS), "403 Forbidden", "Fetch the list again"),
    "must-gather": (tar(MUST_GATHER), "must-gather without Image objects (the cluster had 1234)", INSPECT_COMMAND),
    "Insights archive": (tar(INSIGHTS), "is an Insights archive", INSPECT_COMMAND),
    "etcd snapshot": (b"\0" * 16 + b"\xed\xda\x0c\xed" + b"\0" * 100, "is an etcd snapshot", RAW_COMMAND),
    "protobuf": (b"k8s\0\n\x0c", "in protobuf", RAW_COMMAND),
    "image streams": (pretty(STREAMS), "1 of kind ImageStreamList", "do not hold them"),
    "image streams in a List": (
        pretty(saved_list([{"kind": "ImageStream", "metadata": {"name": "a"}}])), "1 of kind ImageStream", RAW_COMMAND),
    "configuration of the cluster": (to_yaml(CONFIG), "1 of kind Image (config.openshift.io/v1)", RAW_COMMAND),
    "list of another API": (
        compact({"kind": "ImageList", "apiVersion": "config.openshift.io/v1", "items": [{"metadata": {"name": "a"}}]}),
        "1 of kind ImageList", RAW_COMMAND),
    "other objects": (pretty(saved_list([{"kind": "Secret"}] * 3)), "3 of kind Secret", RAW_COMMAND),
    "login page": (b"<!DOCTYPE html>\n<html><title>Log in</title></html>", "is an HTML page", "oc login"),
    "printed table": (b"NAME         IMAGE REFERENCE\nsha256:1     quay.io/a", "`oc get images` prints", "-o json"),
    "error message": (b"error: You must be logged in to the server (Unauthorized)\n", "error message", RAW_COMMAND),
    "no resources": (b"No resources found\n", "no resources were found", "oc auth can-i"),
    "watch that failed": (compact({"type": "ERROR", "object": STATUS}), "a watch that ended with", "List again"),
    "empty": (b"", "is empty", "again"),
    "blank": (b" \n\n", "is empty", "again"),
    "empty archive": (tar({}), "", ""),
    "archive of other things": (zipped({"a.txt": b"hello", "b": b"\x89PNG"}), "holds no Image objects", RAW_COMMAND),
    "plain text": (b"hello world\n", "plain text", ""),
    "binary data": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "binary data", RAW_COMMAND),
    "7z": (b"7z\xbc\xaf\x27\x1c\0\4", "7z", "Unpack it"),
    "cut JSON": (pretty(image_list(corpus()))[:-200], "ends within a value", "fetch it again"),
    "cut gzip": (gzip.compress(compact(image_list(corpus())))[:-20], "cut gzip", "again"),
    "cut tar": (tar({"a.json": compact(corpus()[0])})[:1024], "cut tar", "again"),
    "cut YAML": (to_yaml(saved_list(corpus())).rstrip()[:-400] + b'\n  "', "line", ""),
    "cut NDJSON": (compact(corpus()[0]) + b"\n" + compact(corpus()[1])[:-9], "item 2", "again"),
    "not JSON": (b'{"kind": "ImageList", oops', "is not JSON", "again"),
}  # fmt: skip


def refuse(path, store, **options):
    """Import one path and return the error it must raise; nothing may be published."""
    with pytest.raises(IndexerError) as caught:
        ingest(FileSource([str(path)], **options), store, IngestOptions("c"))
    assert list(store.rglob("*.parquet")) == []
    return caught.value


@pytest.mark.parametrize("name", list(REFUSED))
def test_each_is_refused_with_what_to_do_instead(name, tmp_path):
    """The message names the input and what it is, the hint says what to do; the code is that of bad data."""
    content, said, advised = REFUSED[name]
    (tmp_path / "what-i-got").write_bytes(content)
    error = refuse(tmp_path / "what-i-got", tmp_path / "store")
    assert error.exit_code == ExitCode.DATA
    assert "what-i-got" in error.message
    assert said in error.message
    assert advised in error.hint


def test_a_must_gather_folder_is_refused_like_its_archive(tmp_path):
    """Unpacked or not, the sentence is the same."""
    for path, content in MUST_GATHER.items():
        (tmp_path / "mg" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mg" / path).write_bytes(content)
    assert "must-gather without Image objects (the cluster had 1234)" in refuse(tmp_path / "mg", tmp_path / "s").message


def test_a_message_names_the_place_in_an_archive(tmp_path):
    """A broken file deep in an archive is named with its path there, and the item with its number and name."""
    bad = {**corpus()[0], "dockerImageLayers": [{"name": "sha256:1", "size": "large"}]}
    lines = compact(corpus()[1]) + b"\n" + compact(bad)
    (tmp_path / "saved.tar.gz").write_bytes(gzip.compress(tar({"a/images.ndjson": lines})))
    message = refuse(tmp_path / "saved.tar.gz", tmp_path / "store").message
    assert message.startswith("saved.tar.gz!a/images.ndjson, item 2 (legacy-tool")
    assert "dockerImageLayers[0].size" in message


def test_skipping_keeps_an_account(tmp_path):
    """Broken documents and items are left out, named in the receipt, and make the snapshot partial."""
    nameless = {key: value for key, value in corpus()[0].items() if key != "metadata"}
    yaml_list = to_yaml(saved_list(corpus()[2:4])).replace(b"items:\n", b"items:\n- kind: Image\n  broken: [\n")
    content = {
        "images/1.json": compact(corpus()[0]),
        "images/2.json": compact(nameless),
        "images/3.yaml": b"kind: Image\n  oops: [",
        "images/4.json.gz": gzip.compress(compact(corpus()[1]))[:-9],
        "images/5.yaml": yaml_list,
        "images/6.json": b"",
    }
    (tmp_path / "a.zip").write_bytes(zipped(content))
    source = FileSource([str(tmp_path / "a.zip")], skip_bad_items=True)
    receipt = ingest(source, tmp_path / "store", IngestOptions("c", skip_bad_items=True)).receipt
    assert (receipt.image_count, receipt.is_complete) == (3, False)
    assert sorted((item.origin, item.number) for item in receipt.skipped_items) == [
        ("a.zip!images/2.json", 1),
        ("a.zip!images/3.yaml", 1),
        ("a.zip!images/4.json.gz", 1),
        ("a.zip!images/5.yaml", 1),
        ("a.zip!images/6.json", 1),
    ]
    assert all(item.reason for item in receipt.skipped_items)


def test_skipping_everything_is_no_success(tmp_path):
    """Where nothing is left, the run fails and says what came first."""
    (tmp_path / "bad.json").write_bytes(b'{"kind": "ImageList", oops')
    assert "1 skipped" in refuse(tmp_path / "bad.json", tmp_path / "store", skip_bad_items=True).message


@pytest.mark.parametrize("name", ["missing.json", "folder/missing"])
def test_a_missing_file_is_a_matter_of_usage(name, tmp_path):
    """What is not there is told apart from what can't be decoded."""
    error = refuse(tmp_path / name, tmp_path / "store")
    assert (type(error), error.exit_code) == (ConfigurationError, ExitCode.USAGE)


def run_command(*arguments, data=b""):
    """Run the installed command as a process; return its exit code and its standard error."""
    command = [sys.executable, "-c", "from indexer.cli import main; main()", "import", "--cluster", "c", *arguments]
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    assert done.stdout == b""
    return done.returncode, done.stderr.decode()


def test_exit_codes_of_the_command(tmp_path):
    """0 for a list on standard input, 2 for a missing file, 4 for a Table; one line on standard error says why."""
    store = ("--store", str(tmp_path / "store"))
    code, said = run_command("-", *store, data=gzip.compress(compact(image_list(corpus()))))
    assert (code, said.count("\n")) == (0, 1)
    code, said = run_command(str(tmp_path / "missing"), *store)
    assert (code, said.count("\n")) == (2, 1)
    code, said = run_command("-", *store, data=pretty(TABLE))
    assert (code, said.count("\n")) == (4, 1)
    assert "standard input is a Table" in said


def test_a_terminal_is_not_steered_by_names_of_strangers(tmp_path):
    """Escape sequences in the names of members and of objects are shown as text, also in JSON lines."""
    nameless = compact({"kind": "Image\x1b]0;owned\x07", "dockerImageLayers": 1, "metadata": {"name": "a\x9b31m"}})
    (tmp_path / "a.tar").write_bytes(tar({"images/\x1b[2J\u202e.json": nameless}))
    for form in ("text", "json"):
        code, said = run_command(str(tmp_path / "a.tar"), "--store", str(tmp_path / "store"), "--log-format", form)
        assert code == 4
        assert not set("\x1b\x07\x9b\u202e") & set(said)


def test_skipped_items_are_told(tmp_path):
    """With --on-bad-item skip the command succeeds, and says on standard error what it left out."""
    nameless = {"kind": "Image", "metadata": {"labels": {}}}
    (tmp_path / "a.ndjson").write_bytes(b"\n".join(map(compact, [corpus()[0], nameless, {"kind": "Secret"}, {}])))
    arguments = (str(tmp_path / "a.ndjson"), "--store", str(tmp_path / "store"), "--on-bad-item", "skip")
    code, said = run_command(*arguments)
    assert code == 0
    assert "Skipped a.ndjson, item 2: it has no metadata.name." in said
    assert "no Images were left out: 1 of kind Secret, 1 without a kind" in said
