"""Credentials from a login plugin, run as kubectl runs it: `client.authentication.k8s.io/v1` and `v1beta1`.

The official client runs the process; what it lets pass (a plugin that fails, or yields nothing) is an error here.
"""

from __future__ import annotations

import base64
import datetime as dt
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexer.cluster.credentials import Identity, bearer, read_text
from indexer.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_CLUSTER_KEYS = (
    "server",
    "tls-server-name",
    "insecure-skip-tls-verify",
    "certificate-authority-data",
    "proxy-url",
    "disable-compression",
    "extensions",
)


class ExecCredentials:
    """Runs the plugin of a kubeconfig's user; runs it again when what it gave has expired, or was refused.

    `exec_config`, `cluster` are in kubeconfig form; `folder` is that of the kubeconfig, where relative commands start.
    """

    def __init__(
        self,
        exec_config: Mapping[str, Any],
        cluster: Mapping[str, Any],
        folder: Path,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._config = exec_config
        self._cluster = cluster
        self._folder = folder
        self._now = now
        self._command = str(exec_config.get("command") or "")
        self._check_config()
        self._identity = self.reload()

    def current(self) -> Identity:
        """Yield what the plugin gave, asking it again once that has expired."""
        if self._expires_at and self._now() >= self._expires_at:
            self._identity = self.reload()
        return self._identity

    def reload(self) -> Identity:
        """Run the plugin. Raises `ConfigurationError` when it fails or yields nothing usable."""
        status = self._run()
        self._expires_at = self._expiry(status.get("expirationTimestamp"))
        self._identity = self._identity_of(status)
        return self._identity

    def _check_config(self) -> None:
        if not self._command:
            raise ConfigurationError("The login plugin of the kubeconfig has no command.", hint="Check exec.command.")
        if self._config.get("apiVersion") not in _VERSIONS:
            raise self._error(f"has apiVersion {self._config.get('apiVersion')}", f"Use {' or '.join(_VERSIONS)}.")
        if self._config.get("interactiveMode") == "Always" and not sys.stdin.isatty():
            raise self._error("asks for a terminal, and there is none", "Run the export in a terminal.")

    def _run(self) -> Mapping[str, Any]:
        from kubernetes.config import ConfigException
        from kubernetes.config.exec_provider import ExecProvider
        from kubernetes.config.kube_config import ConfigNode

        cluster = ConfigNode("cluster", _cluster_info(self._cluster))  # type: ignore[no-untyped-call]
        config = ConfigNode("exec", dict(self._config))  # type: ignore[no-untyped-call]
        try:
            status = ExecProvider(config, str(self._folder), cluster).run()  # type: ignore[no-untyped-call]
        except ConfigException as error:
            raise self._error(_harmless(str(error)), "Run it by hand to see what it says.") from None
        except OSError as error:
            hint = str(self._config.get("installHint") or "Install it, or correct exec.command.")
            raise self._error(f"can't be run: {error.strerror}", " ".join(hint.split())) from None
        if not isinstance(status, dict):
            raise self._error("gave no status", "Log in again.")
        return status

    def _identity_of(self, status: Mapping[str, Any]) -> Identity:
        certificate, key = status.get("clientCertificateData"), status.get("clientKeyData")
        if bool(certificate) != bool(key):
            raise self._error("gave a certificate without its key, or a key alone", "Log in again.")
        user = {"client-certificate-data": _base64(certificate), "client-key-data": _base64(key)} if key else {}
        secrets = (str(key),) if key else ()
        if not status.get("token"):
            if not user:
                raise self._error("gave neither a token nor a certificate", "Log in again.")
            return Identity({}, user, secrets)
        identity = bearer(str(status["token"]), f"The answer of the login plugin {self._command}", user)
        return Identity(identity.headers, user, identity.secrets + secrets)

    def _expiry(self, text: str | None) -> dt.datetime | None:
        if not text:
            return None
        try:
            moment = dt.datetime.fromisoformat(text)
        except ValueError:
            raise self._error("gave an expirationTimestamp that is no time", "Update the plugin.") from None
        return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)

    def _error(self, what: str, hint: str) -> ConfigurationError:
        # Neither its arguments nor its output are shown: both may hold secrets.
        return ConfigurationError(f"The login plugin {self._command} {what}.", hint=hint)


def _cluster_info(cluster: Mapping[str, Any]) -> dict[str, Any]:
    """Describe the cluster to a plugin: no files, only data."""
    info = {key: cluster[key] for key in _CLUSTER_KEYS if key in cluster}
    if path := cluster.get("certificate-authority"):
        info["certificate-authority-data"] = _base64(read_text(Path(path), "certificate authority"))
    return info


def _base64(text: Any) -> str:
    return base64.b64encode(str(text).encode()).decode()


def _harmless(message: str) -> str:
    """Keep what the official client says of a failure, without what the plugin wrote."""
    if found := re.match(r"exec: process returned (-?\d+)", message):
        return f"ended with exit status {found.group(1)}"
    return f"failed ({message.removeprefix('exec: ')})"
