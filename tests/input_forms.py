"""One corpus of objects written in every form and wrapper that people have on disk."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from functools import cache

import pyarrow as pa
import yaml
from sample_objects import committed_images

RESOURCE_VERSION = "9000"
INSPECT_FOLDER = "inspect.local.1/cluster-scoped-resources/image.openshift.io/images"
VELERO_FOLDER = "resources/images.image.openshift.io"


@cache
def corpus():
    """Take some of everything from the sample as single objects are written: with kind and version, keys sorted."""
    envelope = {"kind": "Image", "apiVersion": "image.openshift.io/v1"}
    return [json.loads(json.dumps({**envelope, **image}, sort_keys=True)) for image in committed_images()[::29]]


def names():
    """Names of the corpus."""
    return sorted(image["metadata"]["name"] for image in corpus())


def image_list(images, **metadata):
    """Write a raw API page; its items carry neither kind nor version."""
    items = [{key: value for key, value in image.items() if key not in {"kind", "apiVersion"}} for image in images]
    page = {"kind": "ImageList", "apiVersion": "image.openshift.io/v1"}
    return {**page, "metadata": {"resourceVersion": RESOURCE_VERSION, **metadata}, "items": items}


def saved_list(images):
    """Write what `oc get images -o json` prints: sorted keys, so that the kind follows the items."""
    return {"apiVersion": "v1", "items": list(images), "kind": "List", "metadata": {"resourceVersion": ""}}


def to_yaml(value):
    """Write YAML as `oc` does: block style, sorted keys."""
    return yaml.dump(value, Dumper=yaml.CSafeDumper, default_flow_style=False, allow_unicode=True).encode()


def pretty(value):
    """Write indented JSON as `oc` does."""
    return json.dumps(value, indent=4).encode()


def compact(value):
    """Write JSON on one line, as the API does."""
    return json.dumps(value, separators=(",", ":")).encode()


def indent(text, by):
    """Move every line to the right."""
    return b"".join(by.encode() + line for line in text.splitlines(keepends=True))


def events(images):
    """Write a watch: an older state of each object first, one object more that is deleted, and bookmarks."""
    lines = []
    for image in images:
        older = {**image, "metadata": {**image["metadata"], "resourceVersion": "1"}, "dockerImageReference": "old/old"}
        lines += [{"type": "ADDED", "object": older}, {"type": "MODIFIED", "object": image}]
    gone = {"metadata": {"name": "sha256:gone", "uid": "u-gone", "resourceVersion": "5"}, "kind": "Image"}
    bookmark = {"type": "BOOKMARK", "object": {"kind": "Image", "metadata": {"resourceVersion": "10"}}}
    deleted = {**gone, "metadata": {**gone["metadata"], "resourceVersion": "6"}}
    return [{"type": "ADDED", "object": gone}, *lines, bookmark, {"type": "DELETED", "object": deleted}]


def embedded(images):
    """Write image stream tags and images and an import, each holding Images."""
    third = len(images) // 3
    tags = [{"kind": "ImageStreamTag", "metadata": {"name": "a:b"}, "image": image} for image in images[:third]]
    streams = [{"kind": "ImageStreamImage", "image": image} for image in images[third : 2 * third]]
    rest = images[2 * third :]
    answers = [{"status": {"status": "Success"}, "image": rest[0], "manifests": rest[1:]}, {"status": {"code": 401}}]
    return [saved_list(tags), *streams, {"kind": "ImageStreamImport", "spec": {}, "status": {"images": answers}}]


def tree(folder, images, suffix=".yaml", colon=":"):
    """Write one file an object, its name spelled as systems without colons do where asked."""
    write = to_yaml if suffix == ".yaml" else compact
    return {f"{folder}/{image['metadata']['name'].replace(':', colon)}{suffix}": write(image) for image in images}


@cache
def forms():
    """Every form by name: bytes of one file, or a tree of paths and bytes."""
    images = corpus()
    half = len(images) // 2
    bare = image_list(images)["items"]
    noise = {
        "inspect.local.1/timestamp": b"2026-01-01 00:00:00 UTC m=+1.2\n",
        "inspect.local.1/a.html": b"<html></html>",
    }
    config = b"apiVersion: config.openshift.io/v1\nkind: Image\nmetadata:\n  name: cluster\nspec: {}\n"
    cluster_config = {"inspect.local.1/cluster-scoped-resources/config.openshift.io/images.yaml": config}
    list_folder = INSPECT_FOLDER.removesuffix("/images")
    return {
        "ImageList": compact(image_list(images)),
        "ImageList, indented": pretty(image_list(images)),
        "ImageList pages in a folder": {
            "pages/2.json": compact(image_list(images[half:])),
            "pages/1.json": compact(
                image_list(images[:half], **{"continue": "t", "remainingItemCount": len(images) - half})),
        },
        "List": pretty(saved_list(images)),
        "List in YAML": to_yaml(saved_list(images)),
        "ImageList in YAML": to_yaml(image_list(images)),
        "List in YAML, items indented": b"kind: List\nitems:\n" + indent(to_yaml(images), "  ") + b"apiVersion: v1\n",
        "documents in YAML": b"".join(b"---\n" + to_yaml(image) for image in images),
        "NDJSON": b"\n".join(map(compact, bare)) + b"\n",
        "NDJSON with blank lines and a mark": b"\xef\xbb\xbf" + b"\n\n".join(map(compact, images)),
        "concatenated indented JSON": b"\n".join(map(pretty, images)),
        "array": pretty(images),
        "UTF-16": json.dumps(saved_list(images), ensure_ascii=False).encode("utf-16"),
        "watch events": b"\n".join(map(compact, events(images))),
        "watch events, indented": b"".join(map(pretty, events(images))),
        "embedded": b"\n".join(map(pretty, embedded(images))),
        "inspect tree": tree(INSPECT_FOLDER, images) | noise | cluster_config,
        "inspect tree, colons replaced": tree(INSPECT_FOLDER, images, colon="_"),
        "inspect tree, colons encoded": tree(INSPECT_FOLDER, images, colon="%3A"),
        "inspect list": {f"{list_folder}/images.yaml": to_yaml(saved_list(images))},
        "Velero backup": tree(f"{VELERO_FOLDER}/cluster", images, ".json")
        | tree(f"{VELERO_FOLDER}/v1-preferredversion/cluster", images, ".json")
        | {"metadata/version": b"1.1.0\n", "resources/pods/namespaces/a/b.json": b'{"kind":"Pod"}'},
        "a mixture": tree("loose", images[:3]) | {"deep/er/list.json": compact(saved_list(images[3:]))},
    }  # fmt: skip


def tar(files, mode="w"):
    """Pack files into a tar."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def zipped(files):
    """Pack files into a zip."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return packed.getvalue()


def zstd(content):
    """Compress with Zstandard."""
    return pa.Codec("zstd").compress(content, asbytes=True)


COMPRESSORS = {"gz": gzip.compress, "xz": lzma.compress, "bz2": bz2.compress, "zst": zstd}
ARCHIVERS = {
    "tar": tar,
    "tar.gz": lambda files: tar(files, "w:gz"),
    "tar.xz": lambda files: tar(files, "w:xz"),
    "tar.zst": lambda files: zstd(tar(files)),
    "zip": zipped,
    "zip in tar.bz2": lambda files: bz2.compress(tar({"inner": zipped(files)})),
    "tar.gz in zip": lambda files: zipped({"inner": tar(files, "w:gz")}),
}


def pairs():
    """Every form in every wrapper it can be in, as (form, wrapper)."""
    for form, content in forms().items():
        is_tree = isinstance(content, dict)
        yield form, "plain"
        yield from ((form, wrapper) for wrapper in ARCHIVERS)
        yield from ((form, wrapper) for wrapper in (() if is_tree else COMPRESSORS))


def write(folder, form, wrapper):
    """Write a form in a wrapper below `folder` and return the path to import; no name says what is in it."""
    content = forms()[form]
    if wrapper == "plain" and isinstance(content, dict):
        for path, text in content.items():
            (folder / "input" / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / "input" / path).write_bytes(text)
        return folder / "input"
    if wrapper in COMPRESSORS:
        content = COMPRESSORS[wrapper](content)
    elif wrapper in ARCHIVERS:
        content = ARCHIVERS[wrapper](content if isinstance(content, dict) else {"some.file": content})
    (folder / "input").write_bytes(content)
    return folder / "input"
