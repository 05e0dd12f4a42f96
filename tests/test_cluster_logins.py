"""Every form of login against an https server with an authority of its own: accepted, wrong, expired."""

from __future__ import annotations

import datetime as dt
import io

import pytest
from certificates import Authority
from live import FLEET, NAMES, read, request
from logins import credential, data, kubeconfig, plugin

from indexer.cluster import Impersonation, connect_configured, connect_in_cluster, connect_server
from indexer.cluster.credentials import TOKEN_FILE_SECONDS, TokenFile
from indexer.cluster.exec_plugin import ExecCredentials
from indexer.errors import ConfigurationError, SourceError, UnauthorizedError
from indexer.loopback import Access, LoopbackServer, on_list, reject_until_token_changes
from indexer.sources.api import ApiSource

TOKEN = "sha256~the-good-token"
V1, V1BETA1 = "client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """Make the authority that everybody trusts here."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(authority):
    """Serve over TLS to one token and one certificate user."""
    access = Access({TOKEN: "reader", "sha256~nobody": "nobody"}, {"reader"})
    with LoopbackServer(FLEET, access=access, tls=authority.server_context()) as running:
        yield running
    assert running.failures == []


@pytest.fixture
def login(server, authority, tmp_path):
    """Give a function that logs in with a kubeconfig user and lists everything."""

    def run(user, **cluster):
        settings = {"certificate-authority": str(authority.path)} | cluster
        path = kubeconfig(tmp_path / "config", server.url, user, cluster=settings)
        return list_by(connect_configured(kubeconfig=path))

    return run


def list_by(connection, **options):
    """List everything over a connection."""
    return read(ApiSource(connection, request(**options)))


def exec_user(path, version=V1, **more):
    """Give the kubeconfig user of a login plugin."""
    return {"exec": {"apiVersion": version, "command": str(path), "interactiveMode": "Never", **more}}


def test_token_is_accepted(login):
    """A token in the kubeconfig lists everything."""
    assert login({"token": TOKEN}).names == NAMES


def test_unknown_token_is_refused(login):
    """A token nobody knows is a 401: exit 3, and a way to cure it."""
    outcome = login({"token": "sha256~expired"})
    assert isinstance(outcome.error, UnauthorizedError)
    assert (outcome.exit_code, outcome.names) == (3, [])
    assert "oc login" in str(outcome.error)


def test_token_without_rights_names_the_role(login):
    """A user who may not list Images is told which ClusterRole is missing."""
    outcome = login({"token": "sha256~nobody"})
    assert outcome.exit_code == 3
    assert "--verb=get,list,watch --resource=images.image.openshift.io" in str(outcome.error)


def test_token_file_beats_token(login, tmp_path):
    """`tokenFile` counts before `token`, its path being relative to the kubeconfig, whitespace cut off."""
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert login({"tokenFile": "token", "token": "sha256~old"}).names == NAMES


@pytest.mark.parametrize("content", [None, "", " \n", "two words", "Schlüssel"])
def test_token_file_that_yields_nothing_is_an_error_at_once(login, server, tmp_path, content):
    """A token file that is missing, empty or no token fails before the first request."""
    if content is not None:
        (tmp_path / "token").write_text(content)
    before = len(server.requests)
    with pytest.raises(ConfigurationError, match="token"):
        login({"tokenFile": "token"})
    assert len(server.requests) == before


def test_client_certificate_files_and_data(login, authority):
    """A client certificate is accepted as files and as data, and so is the authority."""
    certificate, key = authority.issue("reader")
    assert login({"client-certificate": str(certificate), "client-key": str(key)}).names == NAMES
    user = {"client-certificate-data": data(certificate), "client-key-data": data(key), "client-key": "/nowhere"}
    assert login(user, **{"certificate-authority-data": data(authority.path)}).names == NAMES


def test_stranger_and_expired_certificates_are_refused(login, authority, tmp_path):
    """A certificate of another authority, or an expired one, ends in exit 3 and a sentence about certificates."""
    (tmp_path / "other").mkdir()
    for maker, options in ((Authority(tmp_path / "other"), {}), (authority, {"is_expired": True})):
        certificate, key = maker.issue("reader", **options)
        outcome = login({"client-certificate": str(certificate), "client-key": str(key)})
        assert outcome.exit_code == 3
        assert "certificate" in str(outcome.error)


def test_certificate_without_its_key_is_an_error(login, authority):
    """Half a certificate is a configuration error."""
    certificate, _ = authority.issue("reader")
    with pytest.raises(ConfigurationError, match="without its key"):
        login({"client-certificate": str(certificate)})


@pytest.mark.parametrize("version", [V1, V1BETA1])
def test_plugin_token(login, tmp_path, version):
    """A plugin of either version logs in with the token it prints."""
    assert login(exec_user(plugin(tmp_path, credential({"token": TOKEN}, version)), version)).names == NAMES


def test_plugin_certificate(login, authority, tmp_path):
    """A plugin may give a client certificate instead of a token."""
    certificate, key = authority.issue("reader")
    status = {"clientCertificateData": certificate.read_text(), "clientKeyData": key.read_text()}
    assert login(exec_user(plugin(tmp_path, credential(status)))).names == NAMES


def test_plugin_gets_arguments_environment_and_the_cluster(login, server, tmp_path):
    """A plugin sees its arguments, its environment and, if it asks, the cluster; it starts beside the kubeconfig."""
    body = (
        "info = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
        f"assert sys.argv[1:] == ['--for', 'lab'] and os.environ['PLUGIN_MODE'] == 'test'\n"
        f"assert info['spec']['cluster']['server'] == '{server.url}' and info['apiVersion'] == '{V1}'\n"
        "assert 'certificate-authority-data' in info['spec']['cluster']\n"
    )
    plugin(tmp_path, body + credential({"token": TOKEN}))
    more = {"args": ["--for", "lab"], "env": [{"name": "PLUGIN_MODE", "value": "test"}], "provideClusterInfo": True}
    assert login(exec_user("./login-plugin", **more)).names == NAMES


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("print('secret', file=sys.stderr); sys.exit(3)", "exit status 3"),
        ("print('no JSON')", "decode"),
        (credential({}), "neither a token nor a certificate"),
        (credential(None), "no status"),
        (credential({"token": ""}), "neither"),
        (credential({"clientCertificateData": "x"}), "without its key"),
        (credential({"token": "x", "expirationTimestamp": "soon"}), "no time"),
        (credential({"token": "x"}, V1BETA1), "does not match"),
        ("print(json.dumps({'kind': 'ExecCredential'}))", "missing key"),
    ],
)
def test_plugin_that_yields_nothing_is_an_error_at_once(login, server, tmp_path, body, says):
    """A plugin that fails or yields nothing is an error before the first request, never an anonymous one."""
    before = len(server.requests)
    with pytest.raises(ConfigurationError, match=says) as caught:
        login(exec_user(plugin(tmp_path, body)))
    assert len(server.requests) == before
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("user", "says"),
    [
        (exec_user("no-such-plugin", installHint="Install it with\n a spell."), "Install it with a spell"),
        (exec_user("x", "client.authentication.k8s.io/v1alpha1"), "v1alpha1"),
        (exec_user(""), "no command"),
        (exec_user("x", interactiveMode="Always"), "terminal"),
        ({"exec": "x"}, "malformed"),
        ({"auth-provider": {"name": "gcp"}}, "auth-provider gcp"),
        ({}, "no credentials"),
        ({"token": " "}, "no token"),
    ],
)
def test_unusable_users_are_named(login, monkeypatch, user, says):
    """A user entry that can't work is a configuration error that says why."""
    monkeypatch.setattr("sys.stdin", io.StringIO())  # no terminal, wherever the tests run
    with pytest.raises(ConfigurationError) as caught:
        login(user)
    assert says in str(caught.value)


def test_plugin_runs_again_when_its_token_expires(tmp_path):
    """What a plugin gave is used until its expirationTimestamp, and not longer."""
    body = (
        "from pathlib import Path\n"
        "runs = Path(__file__).with_name('runs')\n"
        "runs.write_text(runs.read_text() + 'x' if runs.exists() else 'x')\n"
    )
    status = {"token": "t", "expirationTimestamp": "2030-01-01T00:00:00Z"}
    path = plugin(tmp_path, body + credential(status))
    moment = [dt.datetime(2029, 12, 31, tzinfo=dt.UTC)]
    credentials = ExecCredentials({"apiVersion": V1, "command": str(path)}, {}, tmp_path, lambda: moment[0])
    credentials.current()
    assert (tmp_path / "runs").read_text() == "x"
    moment[0] += dt.timedelta(days=2)
    credentials.current()
    assert (tmp_path / "runs").read_text() == "xx"


def test_plugin_runs_again_after_a_refusal(server, authority, tmp_path):
    """A 401 in mid-list makes the plugin run once more, and the same page is asked for again."""
    body = "from pathlib import Path\ntoken = Path(__file__).with_name('now').read_text()\n"
    path = plugin(tmp_path, body + credential("{'token': token}"))
    (tmp_path / "now").write_text("sha256~first")
    access = Access({"sha256~first": "reader"}, {"reader"})

    def renew(_store):
        access.tokens = {"sha256~second": "reader"}
        (tmp_path / "now").write_text("sha256~second")

    script = on_list({3: renew})
    with LoopbackServer(FLEET, access=access, script=script, tls=authority.server_context()) as running:
        settings = {"certificate-authority": str(authority.path)}
        config = kubeconfig(tmp_path / "config", running.url, exec_user(path), cluster=settings)
        outcome = list_by(connect_configured(kubeconfig=config))
    assert (outcome.names, outcome.restarts, outcome.exit_code) == (NAMES, [], 0)


def test_username_and_password_are_sent(login, server):
    """A name and password go out as basic authentication (which servers of today refuse)."""
    assert login({"username": "kubeadmin", "password": "secret"}).exit_code == 3
    assert server.requests[-1].header("authorization").startswith("Basic ")


def test_wrong_authority_and_wrong_host_are_named(server, tmp_path):
    """A server whose certificate an unknown authority signed is not trusted, within seconds."""
    other = Authority(tmp_path)
    outcome = list_by(connect_server(server.url, certificate_authority=other.path))
    assert (outcome.exit_code, type(outcome.error)) == (3, SourceError)
    assert "is not trusted" in str(outcome.error)


def test_tls_server_name_is_checked_instead_of_the_host(authority, tmp_path):
    """`tls-server-name` is the name the certificate must hold."""
    context = authority.server_context(hosts=("api.lab",), addresses=())
    with LoopbackServer(FLEET, tls=context) as running:
        settings = {"certificate-authority": str(authority.path)}
        path = kubeconfig(tmp_path / "config", running.url, {"token": "t"}, cluster=settings)
        assert "not trusted" in str(list_by(connect_configured(kubeconfig=path)).error)
        settings["tls-server-name"] = "api.lab"
        path = kubeconfig(tmp_path / "config", running.url, {"token": "t"}, cluster=settings)
        assert list_by(connect_configured(kubeconfig=path)).names == NAMES


def test_unverified_tls_is_warned_of(server, tmp_path):
    """`insecure-skip-tls-verify` works, and the receipt says so; with an authority beside it, it is an error."""
    settings = {"insecure-skip-tls-verify": True}
    path = kubeconfig(tmp_path / "config", server.url, {"token": TOKEN}, cluster=settings)
    outcome = list_by(connect_configured(kubeconfig=path))
    assert outcome.names == NAMES
    assert "not verified" in outcome.report.warnings[0]
    settings["certificate-authority"] = "ca.crt"
    path = kubeconfig(tmp_path / "config", server.url, {"token": TOKEN}, cluster=settings)
    with pytest.raises(ConfigurationError, match="Remove one"):
        connect_configured(kubeconfig=path)


def test_impersonation_from_kubeconfig_and_options(login, server, authority, tmp_path):
    """`as`, `as-uid`, `as-groups` and `as-user-extra` become headers; options count before the kubeconfig."""
    user = {"token": TOKEN, "as": "auditor", "as-groups": ["a", "b"], "as-uid": "7", "as-user-extra": {"why": ["x"]}}
    login(user)
    sent = {key: value for key, value in server.requests[-2].headers.items() if key.startswith("impersonate")}
    assert sent["impersonate-user"] == "auditor"
    assert (sent["impersonate-uid"], sent["impersonate-extra-why"]) == ("7", "x")
    settings = {"certificate-authority": str(authority.path)}
    path = kubeconfig(tmp_path / "config", server.url, user, cluster=settings)
    list_by(connect_configured(kubeconfig=path, impersonation=Impersonation("somebody")))
    assert server.requests[-2].header("impersonate-user") == "somebody"
    assert server.requests[-2].header("impersonate-group") == ""
    with pytest.raises(ConfigurationError, match="--as"):
        connect_configured(kubeconfig=path, impersonation=Impersonation(groups=("a",)))


def test_service_account_of_a_pod(server, authority, tmp_path):
    """In a pod the service account's files log in; where they are missing, that is an error."""
    host, port = server.url.removeprefix("https://").split(":")
    environ = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    with pytest.raises(ConfigurationError, match="token file"):
        connect_in_cluster(environ, tmp_path)
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "ca.crt").write_bytes(authority.path.read_bytes())
    connection = connect_in_cluster(environ, tmp_path)
    assert (list_by(connection).names, connection.cluster_name) == (NAMES, "in-cluster")


def test_rotated_token_is_read_again_after_a_refusal(authority, tmp_path):
    """A token renewed in its file is taken up after a 401 in mid-list, and the same page is asked for again."""
    (tmp_path / "token").write_text("first")

    def renew(_store):
        (tmp_path / "token").write_text("second")

    with LoopbackServer(FLEET, tls=authority.server_context()) as running:
        reject = reject_until_token_changes(3)
        renewal = on_list({3: renew})
        running.script = lambda asked, store: renewal(asked, store) or reject(asked, store)
        connection = connect_server(running.url, token_file=tmp_path / "token", certificate_authority=authority.path)
        outcome = list_by(connection)
        sent = [asked.header("authorization") for asked in running.requests if asked.is_list]
    assert (outcome.names, outcome.restarts) == (NAMES, [])
    assert sent == ["Bearer first"] * 3 + ["Bearer second"] * 3


def test_token_file_is_read_again_every_minute(tmp_path):
    """A token file is read again after a minute; while it is gone, the token known before is used."""
    path, seconds = tmp_path / "token", [0.0]
    path.write_text("first")
    credentials = TokenFile(path, clock=lambda: seconds[0])
    path.write_text("second")
    assert credentials.current().secrets == ("first",)
    seconds[0] = TOKEN_FILE_SECONDS
    assert credentials.current().secrets == ("second",)
    path.unlink()
    seconds[0] *= 2
    assert credentials.current().secrets == ("second",)
