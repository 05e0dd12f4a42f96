"""The made-up cluster: deterministic, believable, made of what its settings say."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections import Counter

import pytest
from sample_objects import (
    SAMPLE,
    committed_images,
    committed_pages,
    is_schema1,
    layers,
    metadata,
    reference,
    signatures,
)

from indexer.sample import bundled_sample, generate_images, list_pages, read_settings
from indexer.sample.signing import SigningKey


@pytest.fixture(scope="module")
def settings():
    """Read the settings the committed sample was made with."""
    return read_settings(SAMPLE / "settings.toml")


@pytest.fixture(scope="module")
def pages():
    """Give the committed pages, parsed."""
    return committed_pages()


@pytest.fixture(scope="module")
def images():
    """Give all objects of the committed pages."""
    return committed_images()


def digest(text):
    """Hash a text."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def test_digests_compute(images):
    """Where texts are kept, the name hashes the manifest, the id hashes the config, and both list the same layers."""
    kept = [image for image in images if image.get("dockerImageManifest")]
    assert len(kept) > 40
    for image in kept:
        assert image["metadata"]["name"] == digest(image["dockerImageManifest"])
        manifest = json.loads(image["dockerImageManifest"])
        if image.get("dockerImageConfig"):
            assert metadata(image)["Id"] == manifest["config"]["digest"] == digest(image["dockerImageConfig"])
            listed = [entry["digest"] for entry in manifest["layers"]]
        else:
            listed = [entry["blobSum"] for entry in reversed(manifest["fsLayers"])]
        assert listed in ([e["name"] for e in layers(image)], [e["name"] for e in layers(image)][::-1])


def test_declared_size_follows_the_formula(images):
    """`Size` = config + every distinct layer once: exactly where the config is kept, closely almost everywhere."""
    odd = 0
    for image in images:
        if is_schema1(image) or not metadata(image).get("Size") or not layers(image):
            continue
        config_bytes = metadata(image)["Size"] - sum({e["name"]: e["size"] for e in layers(image)}.values())
        if image.get("dockerImageConfig"):
            assert config_bytes == len(image["dockerImageConfig"].encode())
        odd += not 100 <= config_bytes <= 100_000
    assert odd <= 3


def test_sharing_is_like_in_real_fleets(images):
    """Most layers are in one image, a few in hundreds; sizes are log-normal."""
    uses, sizes = Counter(), {}
    for image in images:
        uses.update({entry["name"] for entry in layers(image)})
        sizes |= {entry["name"]: entry["size"] for entry in layers(image)}
    single = sum(count == 1 for count in uses.values()) / len(uses)
    assert 0.85 <= single <= 0.90
    assert 3 <= sum(count >= 100 for count in uses.values()) <= 30
    assert statistics.median(sizes.values()) < 4_000_000
    assert statistics.quantiles(sizes.values(), n=10)[-1] < 63_000_000


def test_sample_is_mostly_ordinary(images):
    """About 2,000 objects of some 60 repositories, nine of ten unremarkable, most of them 2 to 5 KB."""
    assert 1_900 <= len(images) <= 2_100
    repositories = {reference(image).partition("@")[0].removeprefix("docker://") for image in images}
    assert 55 <= len(repositories) <= 75
    sizes = [len(json.dumps(image, separators=(",", ":"))) for image in images]
    assert 2_000 <= statistics.median(sizes) <= 5_000
    assert sum("oddities" in reference(image) for image in images) < 200


def test_pages_are_what_a_server_answers(pages):
    """Key order, list metadata, items without kind, sorted unique names, and the end of the list."""
    names = [image["metadata"]["name"] for page in pages for image in page["items"]]
    assert names == sorted(set(names))
    assert all(list(page) == ["kind", "apiVersion", "metadata", "items"] for page in pages)
    assert all(len(page["items"]) == 500 for page in pages[:-1])
    assert [page["metadata"].get("remainingItemCount") for page in pages[:2]] == [len(names) - 500, len(names) - 1_000]
    assert list(pages[0]["metadata"]) == ["resourceVersion", "continue", "remainingItemCount"]
    assert list(pages[-1]["metadata"]) == ["resourceVersion"]
    assert not any("kind" in image or "apiVersion" in image for page in pages for image in page["items"])


def test_committed_pages_are_up_to_date(settings):
    """The settings give the committed pages, byte for byte before compression, and the committed key."""
    key = SigningKey(settings.seed, settings.key_created_at)
    made = list(list_pages(bundled_sample(settings, key), settings.resource_version, settings.page_limit))
    paths = sorted(SAMPLE.glob("page-*.json.gz"))
    assert [gzip.decompress(path.read_bytes()) for path in paths] == made
    assert (SAMPLE / "signing-key.asc").read_text() == key.armored_public_key()
    assert sum(path.stat().st_size for path in paths) <= 2_000_000


def test_equal_seeds_give_equal_fleets():
    """Generation depends on count and seed alone, and another seed gives other objects."""
    assert list(generate_images(500, 7, signed=0.3)) == list(generate_images(500, 7, signed=0.3))
    first, other = next(generate_images(500, 7)), next(generate_images(500, 8))
    assert first["metadata"]["name"] != other["metadata"]["name"]


@pytest.mark.parametrize("count", [0, 1, 7, 3_000])
def test_fleet_has_the_count_asked_for(count):
    """Exactly as many objects as asked, each with a name of its own."""
    names = [image["metadata"]["name"] for image in generate_images(count, 1)]
    assert len(names) == count == len(set(names))


def test_signed_share_is_kept():
    """About the share of signed objects that was asked for, each record naming its own image."""
    fleet = list(generate_images(3_000, 5, signed=0.33))
    signed = [image for image in fleet if signatures(image)]
    assert 0.29 < len(signed) / len(fleet) < 0.37
    assert all(signatures(i)[0]["metadata"]["name"].startswith(i["metadata"]["name"] + "@") for i in signed)
    blob = base64.b64decode(signatures(signed[0])[0]["content"])
    assert signed[0]["metadata"]["name"].encode() in blob


def test_fleet_needs_no_cryptography():
    """Reading, generating and signing in shape never import a cryptography library."""
    code = (
        "import sys; from indexer.sample import generate_images; list(generate_images(50, 1, signed=1.0)); "
        "sys.exit('cryptography' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=SAMPLE.parents[1])


@pytest.fixture
def gpg(tmp_path):
    """Give a function that verifies a blob with gpg and the sample's key and returns gpg's status text."""
    if not shutil.which("gpg"):
        pytest.skip("gpg is not installed")
    tmp_path.chmod(0o700)
    environment = os.environ | {"GNUPGHOME": str(tmp_path)}
    command = ["gpg", "--batch", "--no-autostart", "--status-fd", "1"]
    subprocess.run([*command, "--import", SAMPLE / "signing-key.asc"], check=True, env=environment, capture_output=True)
    return lambda blob: subprocess.run(
        [*command, "--verify", "-"], input=blob, check=False, env=environment, capture_output=True
    ).stdout.decode()


def test_gpg_agrees_with_the_signatures(gpg, images):
    """With the committed key, gpg finds the good blobs good and tells the changed and the expired one."""
    odd = [s for i in images if "oddities/signed" in reference(i) for s in signatures(i)]
    ordinary = next(s for i in images if "oddities" not in reference(i) for s in signatures(i))
    verdicts = [gpg(base64.b64decode(entry["content"])) for entry in odd]
    assert "GOODSIG" in gpg(base64.b64decode(ordinary["content"]))
    assert sum("GOODSIG" in verdict for verdict in verdicts) >= 15
    assert sum("BADSIG" in verdict for verdict in verdicts) == 1
    assert sum("EXPSIG" in verdict for verdict in verdicts) == 1
