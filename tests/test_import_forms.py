"""Whatever holds Image objects goes in, and comes out as the same rows."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from input_forms import corpus, forms, image_list, names, pairs, pretty, saved_list, write

from indexer.ingest import IngestOptions, ingest
from indexer.sources.files import FileSource


def load(path, store, **options):
    """Import one path and return the snapshot."""
    return ingest(FileSource([str(path)], **options), store, IngestOptions("c"))


def rows(snapshot):
    """Rows by name, without what a form adds to or takes from an object: kind, version, and the spelling of JSON."""
    table = pa.concat_tables([pq.ParquetFile(path).read() for path in snapshot.part_paths])
    found = sorted(table.to_pylist(), key=lambda row: row["metadata"]["name"])
    for row in found:
        row["raw_json"] = {
            key: value for key, value in json.loads(row["raw_json"]).items() if key not in {"kind", "apiVersion"}
        }
        row.pop("kind")
        row.pop("api_version")
    return found


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """Rows of the corpus as a raw API page."""
    folder = tmp_path_factory.mktemp("expected")
    return rows(load(write(folder, "ImageList", "plain"), folder / "store"))


@pytest.mark.parametrize("form", list(forms()))
def test_every_form_gives_the_same_rows(form, expected, tmp_path):
    """One corpus, written in each form, is imported to identical rows."""
    assert rows(load(write(tmp_path, form, "plain"), tmp_path / "store")) == expected


def objects(path):
    """Return what the decoder and the writer get from one path."""
    pages = list(FileSource([str(path)]).pages())
    return sorted(bytes(item) for page in pages for item in page.items), [
        page.deletions for page in pages if page.deletions
    ]


@pytest.mark.parametrize(("form", "wrapper"), list(pairs()))
def test_every_wrapper_gives_what_is_in_it(form, wrapper, tmp_path):
    """Each form in each wrapper, named after neither, hands on the same objects as without a wrapper."""
    (tmp_path / "plain").mkdir()
    assert objects(write(tmp_path, form, wrapper)) == objects(write(tmp_path / "plain", form, "plain"))


BEGINNINGS = {
    "a comment": "# saved on Monday\n{}",
    "a directive": "%YAML 1.1\n---\n{}",
    "a document mark": "---\n{}",
    "a flow mapping": "--- {}",
}


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_yaml_in_a_folder_may_begin_as_yaml_may(beginning, tmp_path):
    """A file that lies in a folder is looked into however its YAML begins; JSON behind a mark is YAML, too."""
    text = json.dumps(corpus()[0] | {"kind": "Image"}, indent=1)
    (tmp_path / "image.yaml").write_text(BEGINNINGS[beginning].format(text))
    assert [json.loads(item)["metadata"]["name"] for item in objects(tmp_path)[0]] == [names()[0]]


WHOLE = {"ImageList", "ImageList, indented", "ImageList in YAML", "ImageList pages in a folder"}
PARTIAL = {"watch events", "watch events, indented", "embedded"}


@pytest.mark.parametrize("form", list(forms()))
def test_completeness_is_what_the_form_can_show(form, tmp_path):
    """Lists that end by their own sign are proven, captures and embedded objects partial, all else unproven."""
    receipt = load(write(tmp_path, form, "plain"), tmp_path / "store").receipt
    expected = "proven" if form in WHOLE else "partial" if form in PARTIAL else "unproven"
    assert (receipt.completeness, receipt.is_complete) == (expected, expected != "partial")
    assert receipt.image_count == len(corpus())


def test_a_last_page_that_is_missing_makes_a_list_partial(tmp_path):
    """A page with `continue` left over is no whole list."""
    page = image_list(corpus(), **{"continue": "token", "remainingItemCount": 7})
    (tmp_path / "page.json").write_bytes(pretty(page))
    receipt = load(tmp_path / "page.json", tmp_path / "store").receipt
    assert (receipt.completeness, receipt.is_complete, receipt.expected_count) == ("partial", False, len(corpus()) + 7)


def test_a_list_cut_where_oc_cuts_is_doubted(tmp_path):
    """`oc get` prints a closed List of 500 items when its second chunk fails: the receipt says so."""
    images = [{"kind": "Image", "metadata": {"name": f"sha256:{number:064x}"}} for number in range(500)]
    (tmp_path / "list.json").write_bytes(pretty(saved_list(images)))
    receipt = load(tmp_path / "list.json", tmp_path / "store").receipt
    assert receipt.completeness == "unproven"
    assert any("500 items" in warning for warning in receipt.warnings)


def test_one_object_is_partial(tmp_path):
    """A single Image is not the whole resource."""
    (tmp_path / "one.json").write_bytes(pretty(corpus()[0]))
    assert load(tmp_path / "one.json", tmp_path / "store").receipt.completeness == "partial"


@pytest.mark.parametrize("empty", [image_list([]), saved_list([])])
def test_a_cluster_without_images_is_a_snapshot(empty, tmp_path):
    """An empty list is a valid answer, not an empty file."""
    (tmp_path / "empty.json").write_bytes(pretty(empty))
    receipt = load(tmp_path / "empty.json", tmp_path / "store").receipt
    assert (receipt.image_count, receipt.is_complete) == (0, True)


@pytest.mark.parametrize(("counted", "completeness"), [(len(names()), "unproven"), (len(names()) + 1, "partial")])
def test_a_tree_is_compared_with_the_count_of_etcd(counted, completeness, tmp_path):
    """must-gather's own count of keys is the expected total."""
    folder = write(tmp_path, "inspect tree", "plain")
    (folder / "etcd_info").mkdir()
    (folder / "etcd_info" / "object_count.json").write_text(json.dumps({"/openshift.io/images": {"count": counted}}))
    receipt = load(folder, tmp_path / "store").receipt
    assert (receipt.expected_count, receipt.completeness) == (counted, completeness)
