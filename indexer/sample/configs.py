"""Container configurations (`Config`: labels, environment, command) as builders of the field leave them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.sample.dice import timestamp
from indexer.sample.vocabulary import NOUNS, PORTS, Base

if TYPE_CHECKING:
    from indexer.sample.dice import Dice
    from indexer.sample.objects import Object

# Red Hat's labels speak of the machine, the API of Go's GOARCH.
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


def sentence(dice: Dice, word_count: int) -> str:
    """Text of about `word_count` words that compresses like a description."""
    return " ".join(dice.pick(NOUNS) for _ in range(word_count)).capitalize() + "."


def red_hat_labels(dice: Dice, name: str) -> dict[str, str]:
    """Write what Red Hat's build system puts on every image; `build-date`, `release` and `vcs-ref` change by build."""
    summary = sentence(dice, 9)
    description = sentence(dice, 35)
    return {
        "architecture": "x86_64",
        "build-date": "",
        "com.redhat.component": name.rpartition("/")[2] + "-container",
        "com.redhat.license_terms": "https://www.redhat.com/en/about/red-hat-end-user-license-agreements#UBI",
        "description": description,
        "distribution-scope": "public",
        "io.buildah.version": "1.33.8",
        "io.k8s.description": description,
        "io.k8s.display-name": name.replace("/", " "),
        "io.openshift.expose-services": "8080:http",
        "io.openshift.tags": "builder," + name.rpartition("/")[2],
        "maintainer": "Example Container Team <containers@example.com>",
        "name": name,
        "release": "1",
        "summary": summary,
        "url": f"https://access.redhat.com/containers/#/registry.access.redhat.com/{name}/images/1.0-1",
        "vcs-ref": "",
        "vcs-type": "git",
        "vendor": "Red Hat, Inc.",
        "version": "1.0",
    }


def oci_labels(dice: Dice, name: str) -> dict[str, str]:
    """Write the annotations of the OCI image specification, as labels."""
    return {
        "org.opencontainers.image.created": "",
        "org.opencontainers.image.description": sentence(dice, 16),
        "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.revision": "",
        "org.opencontainers.image.source": f"https://git.example.com/{name}",
        "org.opencontainers.image.title": name.rpartition("/")[2],
        "org.opencontainers.image.version": "1.0.0",
    }


def build_labels(dice: Dice, name: str) -> dict[str, str]:
    """Write what an OpenShift build adds."""
    namespace, _, application = name.partition("/")
    return {
        "io.openshift.build.commit.author": f"Developer <developer{dice.below(40)}@example.com>",
        "io.openshift.build.commit.id": "",
        "io.openshift.build.commit.ref": "main",
        "io.openshift.build.name": f"{application}-1",
        "io.openshift.build.namespace": namespace,
        "io.openshift.build.source-location": f"https://git.example.com/{name}.git",
    }


def environment(dice: Dice, base: Base, name: str) -> list[str]:
    """`Env` of an application."""
    application = name.rpartition("/")[2].replace("-", "_").upper()
    return [
        base.path_variable,
        "container=oci",
        "HOME=/opt/app-root/src",
        f"{application}_VERSION=1.0.{dice.below(90)}",
        f"{application}_HOME=/opt/app-root/{dice.pick(NOUNS)}",
        f"DESCRIPTION={sentence(dice, 14)}",
        "LANG=C.UTF-8",
    ]


def application_config(dice: Dice, base: Base, name: str, is_managed: bool) -> Object:
    """`Config` of one repository; its labels are what `dated_labels` brings up to date."""
    labels = red_hat_labels(dice, name) if base.is_red_hat else oci_labels(dice, name)
    if is_managed:
        labels |= build_labels(dice, name)
    return {
        "User": "1001",
        "ExposedPorts": {dice.pick(PORTS): {}},
        "Env": environment(dice, base, name),
        "Cmd": ["/bin/sh", "-c", f"/opt/app-root/{name.rpartition('/')[2]} --serve"],
        "WorkingDir": "/opt/app-root/src",
        "Labels": dict(sorted(labels.items())),
    }


def dated_labels(dice: Dice, labels: dict[str, str], architecture: str, built: int, build: int) -> dict[str, str]:
    """`labels` as the `build`-th build of a repository writes them at `built` (epoch seconds)."""
    revision = dice.hex(20)
    dated = {
        "architecture": MACHINES.get(architecture, architecture),
        "build-date": timestamp(built),
        "io.openshift.build.commit.id": revision,
        "org.opencontainers.image.created": timestamp(built),
        "org.opencontainers.image.revision": revision,
        "org.opencontainers.image.version": f"1.{build // 10}.{build % 10}",
        "release": str(build),
        "vcs-ref": revision,
    }
    return {key: dated.get(key, value) for key, value in labels.items()}
