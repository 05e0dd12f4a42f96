"""The words a made-up fleet is written with: registries, base images, applications, labels and environments."""

from __future__ import annotations

from typing import NamedTuple

INTEGRATED_REGISTRY = "image-registry.openshift-image-registry.svc:5000"

SINGLE = ("amd64",)
FOUR = ("amd64", "arm64", "ppc64le", "s390x")
TWO = ("amd64", "arm64")


class Base(NamedTuple):
    """A base image: where it comes from, how many layers it adds to `parent`'s, for which architectures."""

    registry: str
    path: str
    layer_count: int
    architectures: tuple[str, ...]
    is_red_hat: bool
    path_variable: str
    parent: str = ""


_USR = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_S2I = "PATH=/opt/app-root/src/bin:/opt/app-root/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Most used first.
BASES = (
    Base("registry.redhat.io", "ubi9/nodejs-20", 3, FOUR, True, _S2I, "ubi9/ubi"),
    Base("registry.redhat.io", "ubi9/ubi-minimal", 1, FOUR, True, _USR),
    Base("docker.io", "library/nginx", 6, TWO, False, _USR, "library/debian"),
    Base("registry.redhat.io", "ubi9/python-311", 4, FOUR, True, _S2I, "ubi9/ubi"),
    Base("registry.redhat.io", "ubi9/ubi", 1, FOUR, True, _USR),
    Base("docker.io", "library/debian", 1, TWO, False, _USR),
    Base("quay.io", "centos/centos", 1, FOUR, False, _USR),
    Base("docker.io", "library/alpine", 1, TWO, False, _USR),
    Base("registry.access.redhat.com", "rhel7", 2, SINGLE, True, _USR),
    Base("gcr.io", "distroless/static-debian12", 10, TWO, False, _USR),
)


class Origin(NamedTuple):
    """A registry that application repositories live in and how its images reached the cluster."""

    registry: str
    organisations: tuple[str, ...]
    is_managed: bool
    is_docker_media: bool


ORIGINS = (
    Origin(INTEGRATED_REGISTRY, ("payments-prod", "payments-dev", "web-shop", "logistics", "ci"), True, False),
    Origin("quay.io", ("openshift-release-dev", "example", "prometheus", "strimzi"), False, False),
    Origin("registry.redhat.io", ("openshift4", "rhel9", "amq-streams", "rhbk"), False, True),
    Origin("docker.io", ("bitnami", "grafana", "library"), False, True),
    Origin("ghcr.io", ("example", "kyverno"), False, False),
)

APPLICATIONS = (
    "checkout", "cart", "catalogue", "ledger", "invoice", "gateway", "login", "search", "mailer", "report",
    "router", "scheduler", "tracker", "frontend", "backend", "operator", "controller", "exporter", "proxy", "cache",
    "broker", "worker", "console", "webhook", "agent", "sync", "inventory", "pricing", "shipping", "audit",
)  # fmt: skip

NOUNS = (
    "platform", "service", "container", "applications", "cluster", "metrics", "requests", "storage", "runtime",
    "framework", "library", "operator", "network", "policy", "events", "records", "messages", "images",
)  # fmt: skip

PORTS = ("8080/tcp", "8443/tcp", "9090/tcp", "3000/tcp", "5432/tcp", "8081/tcp")

STEPS = (
    "RUN microdnf install -y {noun}-libs && microdnf clean all && rm -rf /var/cache/yum",
    "RUN |1 VERSION={version} /bin/sh -c set -eux; curl -fsSL https://example.com/{noun}.tgz | tar -xz # buildkit",
    "COPY --chown=1001:0 /build/{noun} /opt/app-root/{noun} # buildkit",
    "RUN /bin/sh -c chgrp -R 0 /opt/app-root && chmod -R g=u /opt/app-root # buildkit",
)
SETTINGS_STEPS = (
    "ENV APP_{upper}=/opt/app-root/{noun}",
    "LABEL io.example.{noun}={version}",
    "USER 1001",
    "EXPOSE 8080",
)
