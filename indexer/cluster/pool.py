"""The connection pool of the official Kubernetes client: TLS, client certificates, SNI and proxies are its business."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from indexer.cluster.address import host_of, is_loopback
from indexer.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import urllib3

_NAME = "selected"


def open_pool(cluster: Mapping[str, Any], user: Mapping[str, str]) -> urllib3.PoolManager:
    """Open a pool for one `cluster` and one `user`, both in kubeconfig form with absolute paths.

    Raises `ConfigurationError` for certificates that can't be read.
    """
    configuration = _configuration(cluster, user)
    _check_certificates(configuration)
    if not configuration.verify_ssl:
        _accept_unverified()
    from kubernetes.client.rest import RESTClientObject

    try:
        pool: urllib3.PoolManager = RESTClientObject(configuration).pool_manager
    except ImportError:
        raise ConfigurationError(
            "A SOCKS proxy needs a package that is not installed.", hint="Run: pip install 'urllib3[socks]'."
        ) from None
    return pool


def _configuration(cluster: Mapping[str, Any], user: Mapping[str, str]) -> Any:
    from kubernetes.client import Configuration
    from kubernetes.config import ConfigException, load_kube_config_from_dict

    configuration = Configuration()
    # Long watches die unseen behind load balancers that drop idle connections.
    configuration.keep_alive = True
    document = {
        "current-context": _NAME,
        "contexts": [{"name": _NAME, "context": {"cluster": _NAME, "user": _NAME}}],
        "clusters": [{"name": _NAME, "cluster": dict(cluster)}],
        "users": [{"name": _NAME, "user": dict(user)}],
    }
    try:
        load_kube_config_from_dict(document, client_configuration=configuration)  # type: ignore[no-untyped-call]
    except (ConfigException, ValueError) as error:
        raise ConfigurationError(
            f"The certificates can't be used: {error}.", hint="Check the path or the data."
        ) from error
    if "proxy-url" not in cluster and is_loopback(host_of(cluster["server"])):
        # As in Go: a proxy of the environment never stands between a client and its own machine.
        configuration.proxy = None
    if configuration.proxy:
        configuration.proxy_headers = _proxy_headers(configuration.proxy)
    return configuration


def _proxy_headers(proxy: str) -> dict[str, str] | None:
    """Log in to the proxy with the name and password of its address; urllib3 leaves that to its caller."""
    from urllib3.util import make_headers

    parts = urlsplit(proxy)
    if not parts.username:
        return None
    return dict(make_headers(proxy_basic_auth=f"{unquote(parts.username)}:{unquote(parts.password or '')}"))


def _check_certificates(configuration: Any) -> None:
    """Load the certificates once, so that a wrong file is named before the first request."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if configuration.ssl_ca_cert:
        _load("certificate authority", configuration.ssl_ca_cert, context.load_verify_locations)
    if configuration.cert_file:
        key = configuration.key_file
        _load("client certificate or its key", configuration.cert_file, lambda path: context.load_cert_chain(path, key))


def _load(what: str, path: str, load: Any) -> None:
    try:
        load(path)
    except OSError as error:
        reason = "it holds no usable certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigurationError(f"The {what} {Path(path)} can't be used: {reason}.", hint="Check the file.") from error


def _accept_unverified() -> None:
    import urllib3

    # The connection warns once in its own words; urllib3 would repeat itself at each request.
    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
