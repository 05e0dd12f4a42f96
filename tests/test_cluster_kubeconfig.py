"""Kubeconfig files are found, merged and read as kubectl does it."""

from __future__ import annotations

import os

import pytest
import yaml
from logins import kubeconfig

from indexer.cluster import connect_configured
from indexer.cluster.address import check_server, cluster_name
from indexer.cluster.kubeconfig import kubeconfig_paths, select_context
from indexer.errors import ConfigurationError


def test_the_option_counts_alone_and_must_exist(tmp_path):
    """`--kubeconfig` is the only file then; a wrong one is an error, whatever $KUBECONFIG says."""
    path = kubeconfig(tmp_path / "config", "https://one", {"token": "t"})
    environ = {"KUBECONFIG": str(tmp_path / "other"), "HOME": str(tmp_path)}
    assert kubeconfig_paths(path, environ) == [path]
    with pytest.raises(ConfigurationError, match="no kubeconfig"):
        kubeconfig_paths(tmp_path / "missing", environ)


def test_files_of_the_variable_that_are_missing_are_skipped(tmp_path):
    """$KUBECONFIG lists files; missing and repeated ones are skipped, but one must be there."""
    path = kubeconfig(tmp_path / "config", "https://one", {"token": "t"})
    names = os.pathsep.join([str(tmp_path / "missing"), str(path), "", str(path)])
    assert kubeconfig_paths(None, {"KUBECONFIG": names}) == [path]
    with pytest.raises(ConfigurationError, match="missing"):
        kubeconfig_paths(None, {"KUBECONFIG": str(tmp_path / "missing")})


def test_the_home_folder_is_the_last_resort(tmp_path):
    """Without option and variable, ~/.kube/config counts, and nothing at all is a configuration error."""
    environ = {"HOME": str(tmp_path)}
    assert kubeconfig_paths(None, environ) == []
    with pytest.raises(ConfigurationError, match="No cluster is configured"):
        connect_configured(environ=environ)
    with pytest.raises(ConfigurationError, match="no kubeconfig with a context prod"):
        connect_configured(context="prod", environ=environ)
    (tmp_path / ".kube").mkdir()
    path = kubeconfig(tmp_path / ".kube" / "config", "https://one", {"token": "t"})
    assert kubeconfig_paths(None, environ) == [path]


def test_the_first_file_wins_entirely(tmp_path):
    """An entry and the current context come from the first file that has them; fields are never mixed."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    first = kubeconfig(tmp_path / "a" / "config", "https://one", {"token": "t"}, current=False)
    second = kubeconfig(
        tmp_path / "b" / "config", "https://two", {"token": "u", "tokenFile": "x"}, cluster={"tls-server-name": "n"}
    )
    third = kubeconfig(tmp_path / "config", "https://three", {"token": "v"}, name="other")
    selection = select_context([first, second, third])
    assert (selection.name, selection.cluster, selection.user) == ("lab", {"server": "https://one"}, {"token": "t"})


def test_a_context_may_use_entries_of_another_file(tmp_path):
    """A context of one file names a user of another, whose relative paths start at its own file."""
    users, clusters = tmp_path / "users", tmp_path / "clusters"
    users.mkdir()
    clusters.mkdir()
    user = {"tokenFile": "token", "client-certificate": "me.crt", "client-key": "me.key", "client-key-data": ""}
    (users / "config").write_text(yaml.safe_dump({"users": [{"name": "me", "user": user}]}))
    document = {
        "clusters": [{"name": "c", "cluster": {"server": "https://one", "certificate-authority": "pki/ca.crt"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "me"}}],
    }
    (clusters / "config").write_text(yaml.safe_dump(document))
    selection = select_context([users / "config", clusters / "config"], "x")
    assert selection.cluster["certificate-authority"] == str(clusters / "pki" / "ca.crt")
    paths = {key: str(users / name) for key, name in user.items() if name}
    assert (selection.user, selection.folder) == (paths, users)


def test_json_is_yaml_too(tmp_path):
    """A kubeconfig may be JSON."""
    (tmp_path / "config").write_text(
        '{"contexts":[{"name":"x","context":{"cluster":"c"}}],"clusters":[{"name":"c","cluster":{"server":"s"}}],'
        '"current-context":"x"}'
    )
    assert select_context([tmp_path / "config"]).user == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("users: [{name: a, user: {token: sha256~secret}}\n", "is not YAML in line"),
        ("sha256~secret", "is not a kubeconfig"),
        ("", "no current context"),
        ("current-context: gone", "The context gone is not in the kubeconfig"),
        ("{current-context: x, contexts: [{name: x, context: {cluster: c}}]}", "The cluster of context x"),
        (
            (
                "{current-context: x, contexts: [{name: x, context: {cluster: c, user: u}}], clusters: [{name: c}], "
                "users: [{name: sha, user: {token: sha256~secret}}]}"
            ),
            "The user of context x is not in the kubeconfig; known users: sha",
        ),
        ("users: [sha256~secret]", "malformed"),
        ("{current-context: x, contexts: [{name: x, context: {cluster: c}}], clusters: [{name: c}]}", "has no server"),
    ],
)
def test_broken_files_are_named_without_their_secrets(tmp_path, text, says):
    """A kubeconfig that can't be used is a configuration error that shows nothing of its contents."""
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        connect_configured(kubeconfig=path)
    assert says in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "server",
    [
        "",
        "api.example.com:6443",
        "ftp://api.example.com",
        "http://api.example.com",
        "https://",
        "https://api:port",
        "https://[::1",
        "https://api/?x=1",
        "https://name:sha256~secret@api.example.com",
    ],
)
def test_unusable_addresses_are_refused(server):
    """An address that is none, or would show a token to the network, is a configuration error without secrets."""
    with pytest.raises(ConfigurationError) as caught:
        check_server(server)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("server", ["http://127.0.0.1:1", "http://[::1]:1", "http://localhost", "https://a/k8s/c/"])
def test_usable_addresses_lose_their_slash(server):
    """Plain http is for loopback, https for all; a path prefix stays."""
    assert check_server(server) == server.rstrip("/")


@pytest.mark.parametrize(
    ("context", "server", "name"),
    [
        ("prod", "https://api.example.com:6443", "prod"),
        ("default/api-example-com:6443/admin", "https://api.example.com:6443", "api.example.com"),
        (None, "https://API.Example.com", "api.example.com"),
        (None, "https://127.0.0.1:6443", "cluster-127.0.0.1"),
        (None, "https://[::1]:6443", "cluster-1"),
        (None, "https://rancher.example.com/k8s/clusters/c-1", "rancher.example.com-k8s-clusters-c-1"),
        ("Two Words", "https://rancher.example.com/k8s/clusters/c-2/", "rancher.example.com-k8s-clusters-c-2"),
    ],
)
def test_clusters_get_a_name_a_store_takes(context, server, name):
    """A cluster is called after its context if that is a fit name, else after its host and path."""
    assert cluster_name(context, server) == name
