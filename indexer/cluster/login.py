"""Ways to log in: an address with files, a kubeconfig, the service account of a pod."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from indexer.cluster.address import check_server, host_of, is_loopback
from indexer.cluster.connection import Connection
from indexer.cluster.credentials import Credentials, FixedCredentials, Identity, TokenFile, bearer
from indexer.cluster.exec_plugin import ExecCredentials
from indexer.cluster.kubeconfig import Selection, kubeconfig_paths, select_context
from indexer.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADER_SIGNS = "!#$&'*+-.^_`|~"
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_TLS_KEYS = ("client-certificate", "client-certificate-data", "client-key", "client-key-data")
_UNVERIFIED = (
    "The server's certificate is not verified (insecure-skip-tls-verify): anybody between here and there could read "
    "the credentials and forge the list."
)


@dataclass(frozen=True, slots=True)
class Impersonation:
    """Whom to act as; empty for nobody."""

    user: str | None = None
    groups: tuple[str, ...] = ()
    uid: str | None = None
    extra: tuple[tuple[str, str], ...] = ()

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Headers of each request. Raises `ConfigurationError` for groups without a user."""
        if not self.user:
            if self.groups or self.uid or self.extra:
                raise ConfigurationError("Groups can't be impersonated without a user.", hint="Add --as USER.")
            return ()
        pairs = [("Impersonate-User", self.user), *(("Impersonate-Group", group) for group in self.groups)]
        pairs += [("Impersonate-Uid", self.uid)] if self.uid else []
        pairs += [(f"Impersonate-Extra-{quote(key, safe=_HEADER_SIGNS)}", value) for key, value in self.extra]
        return tuple((name, _header_value(value)) for name, value in pairs)


def _header_value(text: str) -> str:
    """Return a text as a header holds it: UTF-8 bytes, each a character. Raises `ConfigurationError` for line ends."""
    if not text.isprintable():
        raise ConfigurationError(f"{text!r} is no name to act as.", hint="It must be one line of text.")
    return text.encode().decode("latin-1")


def connect_server(
    server: str,
    *,
    token_file: Path | None = None,
    certificate_authority: Path | None = None,
    impersonation: Impersonation | None = None,
) -> Connection:
    """Connect to an address without any kubeconfig; without a token file the requests are anonymous by wish.

    Raises `ConfigurationError` for an address, token file or certificate that can't be used.
    """
    cluster = {"server": check_server(server)}
    if certificate_authority:
        cluster["certificate-authority"] = str(certificate_authority.absolute())
    credentials: Credentials = TokenFile(token_file) if token_file else FixedCredentials()
    return Connection(cluster, credentials, extra_headers=(impersonation or Impersonation()).headers())


def connect_configured(
    *,
    kubeconfig: Path | None = None,
    context: str | None = None,
    impersonation: Impersonation | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Connection:
    """Connect as kubectl would: by the kubeconfig, else by the service account of the pod this runs in.

    Raises `ConfigurationError` for anything named that is not there or yields nothing.
    """
    paths = kubeconfig_paths(kubeconfig, environ)
    if paths:
        return _connect_selected(select_context(paths, context), impersonation)
    if context:
        raise ConfigurationError(f"There is no kubeconfig with a context {context}.", hint="Check $KUBECONFIG.")
    if environ.get("KUBERNETES_SERVICE_HOST"):
        return connect_in_cluster(environ, impersonation=impersonation)
    raise ConfigurationError(
        "No cluster is configured: no kubeconfig, and this is not a pod.",
        hint="Log in (oc login), set $KUBECONFIG, or name --server.",
    )


def connect_in_cluster(
    environ: Mapping[str, str], folder: Path = SERVICE_ACCOUNT, impersonation: Impersonation | None = None
) -> Connection:
    """Connect as the pod's service account, whose token the kubelet renews in place.

    Raises `ConfigurationError` where the files or the address are not there.
    """
    host, port = environ["KUBERNETES_SERVICE_HOST"], environ.get("KUBERNETES_SERVICE_PORT") or "443"
    address = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    cluster = {"server": check_server(address), "certificate-authority": str(folder / "ca.crt")}
    headers = (impersonation or Impersonation()).headers()
    return Connection(cluster, TokenFile(folder / "token"), name="in-cluster", extra_headers=headers)


def _connect_selected(selection: Selection, impersonation: Impersonation | None) -> Connection:
    cluster = selection.cluster
    if not cluster.get("server"):
        raise ConfigurationError(
            f"The cluster of context {selection.name} has no server.", hint="Check the kubeconfig."
        )
    is_unverified = cluster.get("insecure-skip-tls-verify") is True
    if is_unverified and ("certificate-authority" in cluster or "certificate-authority-data" in cluster):
        raise ConfigurationError(
            f"The cluster of context {selection.name} names an authority and insecure-skip-tls-verify.",
            hint="Remove one of them.",
        )
    return Connection(
        cluster,
        _credentials(selection),
        name=selection.name,
        extra_headers=_impersonation(selection.user, impersonation).headers(),
        warnings=(_UNVERIFIED,) if is_unverified else (),
    )


def _credentials(selection: Selection) -> Credentials:
    user = selection.user
    tls = {key: str(user[key]) for key in _TLS_KEYS if key in user}
    if any("certificate" in key for key in tls) != any("key" in key for key in tls):
        raise ConfigurationError(f"{_who(selection)} has a certificate without its key, or a key alone.")
    if "tokenFile" in user:
        return TokenFile(Path(user["tokenFile"]), tls)
    if "token" in user:
        return FixedCredentials(bearer(str(user["token"]), _who(selection), tls))
    if "exec" in user:
        return ExecCredentials(_mapping(user["exec"], selection), selection.cluster, selection.folder)
    return FixedCredentials(_fixed_identity(selection, tls))


def _fixed_identity(selection: Selection, tls: dict[str, str]) -> Identity:
    user = selection.user
    if "auth-provider" in user:
        name = _mapping(user["auth-provider"], selection).get("name")
        raise ConfigurationError(
            f"{_who(selection)} uses the auth-provider {name}, which Kubernetes has dropped.",
            hint="Log in with oc login, or with an exec plugin.",
        )
    if "username" in user:
        return _basic(str(user["username"]), str(user.get("password", "")), tls)
    server = selection.cluster["server"]
    if not tls and not (server.startswith("http://") and is_loopback(host_of(server))):
        raise ConfigurationError(f"{_who(selection)} has no credentials.", hint="Log in again: oc login.")
    return Identity(user=tls)


def _basic(name: str, password: str, tls: dict[str, str]) -> Identity:
    text = base64.b64encode(f"{name}:{password}".encode()).decode()
    return Identity({"Authorization": f"Basic {text}"}, tls, tuple(secret for secret in (text, password) if secret))


def _impersonation(user: Mapping[str, Any], option: Impersonation | None) -> Impersonation:
    """Whom an option names counts before whom the kubeconfig names."""
    if option and (option.user or option.groups):
        return option
    extra = user.get("as-user-extra") or {}
    return Impersonation(
        user.get("as"),
        tuple(user.get("as-groups") or ()),
        user.get("as-uid"),
        tuple((key, value) for key, values in extra.items() for value in values),
    )


def _mapping(value: Any, selection: Selection) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ConfigurationError(f"{_who(selection)} is malformed.", hint="Compare it with: oc config view.")
    return value


def _who(selection: Selection) -> str:
    return f"The user of context {selection.name}"
