"""Addresses of object storage → Arrow's file systems, with the credentials and settings each store's own tools use.

Nothing secret stands in an address: it would end in process lists, logs and error messages. The libraries look for
credentials where their vendors' tools do; what Arrow does not look for by itself is read here.
"""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from indexer.errors import ConfigurationError, StoreError

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

ATTEMPTS = 6
"""Tries of one request to S3 with growing waits between them: some fifteen seconds until it is given up."""

_CONNECT_SECONDS, _SILENCE_SECONDS, _RETRY_SECONDS = 5, 30, 60
_AZURE_HOST = ".dfs.core.windows.net"


def is_url(location: object) -> bool:
    """Whether a store's location is an address rather than a folder."""
    return "://" in str(location)


def connect(url: str) -> tuple[FileSystem, str]:
    """Return the file system of an address and the path in it, `bucket/prefix`; no request is made for it.

    Only where neither region nor endpoint is set, Amazon is asked for the region of the bucket. Raises
    `ConfigurationError` for an address that is none or holds a secret, `StoreError` where the region can't be found.
    """
    parts = _checked(url)
    try:
        return _CONNECTORS[parts.scheme](parts), "/".join([_bucket(parts), *_folders(parts)])
    except (OSError, ValueError, ImportError) as error:
        raise StoreError(
            f"Can't connect to {url}: {error}.", hint="Check the address, the region and the network."
        ) from error


def _checked(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme not in _CONNECTORS:
        raise ConfigurationError(
            f"{url.partition('://')[0]}:// is no kind of store.",
            hint=f"There are {', '.join(_CONNECTORS)} and folders.",
        )
    is_account = parts.scheme.startswith("abfs") and parts.password is None
    if parts.query or ("@" in parts.netloc and not is_account):
        raise ConfigurationError(
            "An address of a store holds no credentials and no options.",
            hint="Both come from the environment: see docs/operations.md.",
        )
    if not _bucket(parts) or not all(_folders(parts)) or {".", ".."} & set(_folders(parts)):
        raise ConfigurationError(f"{url} is no address of a store.", hint="Write it as s3://bucket/folder.")
    return parts


def _bucket(parts: SplitResult) -> str:
    return parts.netloc.partition("@")[0]


def _folders(parts: SplitResult) -> list[str]:
    path = parts.path.strip("/")
    return path.split("/") if path else []


def _connect_s3(parts: SplitResult) -> FileSystem:
    from pyarrow import fs

    environment = os.environ
    settings: dict[str, Any] = {"tls_ca_file_path": environment.get("AWS_CA_BUNDLE")}
    endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL")
    if endpoint:
        settings["scheme"], _, settings["endpoint_override"] = endpoint.rstrip("/").rpartition("://")
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    if not region:
        region = "us-east-1" if endpoint else fs.resolve_s3_region(_bucket(parts))
    return fs.S3FileSystem(
        region=region,
        connect_timeout=_CONNECT_SECONDS,
        request_timeout=_SILENCE_SECONDS,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS),
        # Small objects, receipts above all, are then one request, which the store carries out whole or not at all.
        allow_delayed_open=True,
        **{name: value for name, value in settings.items() if value},
    )


def _connect_google(_parts: SplitResult) -> FileSystem:
    from pyarrow import fs

    patience = dt.timedelta(seconds=_RETRY_SECONDS)
    emulator = os.environ.get("STORAGE_EMULATOR_HOST")
    if not emulator:
        return fs.GcsFileSystem(retry_time_limit=patience)
    scheme, _, host = emulator.rstrip("/").rpartition("://")
    return fs.GcsFileSystem(anonymous=True, scheme=scheme or "http", endpoint_override=host, retry_time_limit=patience)


def _connect_azure(parts: SplitResult) -> FileSystem:
    """Connect with a key, a SAS token or, without either, the chain of `DefaultAzureCredential`."""
    from pyarrow import fs

    host = parts.netloc.partition("@")[2]
    account = host.removesuffix(_AZURE_HOST) or os.environ.get("AZURE_STORAGE_ACCOUNT", "")
    if not account or "." in account:
        raise ConfigurationError(
            "The address names no storage account of Azure.",
            hint=f"Set AZURE_STORAGE_ACCOUNT, or write abfss://container@account{_AZURE_HOST}/folder.",
        )
    key, token = os.environ.get("AZURE_STORAGE_KEY"), os.environ.get("AZURE_STORAGE_SAS_TOKEN")
    return fs.AzureFileSystem(account, account_key=key, sas_token=None if key else token, **_azure_endpoint(account))


def _azure_endpoint(account: str) -> dict[str, str]:
    """Other clouds than the public one, and emulators, as the vendor's command line is told of them."""
    endpoint = os.environ.get("AZURE_STORAGE_SERVICE_ENDPOINT")
    if not endpoint:
        return {}
    scheme, _, host = endpoint.rstrip("/").rpartition("://")
    blob = host.removeprefix(account)  # with a dot in front, Arrow puts the account before it
    return {
        "blob_storage_authority": blob,
        "dfs_storage_authority": blob.replace(".blob.", ".dfs."),
        "blob_storage_scheme": scheme or "https",
        "dfs_storage_scheme": scheme or "https",
    }


_CONNECTORS = {
    "s3": _connect_s3,
    "gs": _connect_google,
    "az": _connect_azure,
    "abfs": _connect_azure,
    "abfss": _connect_azure,
}
