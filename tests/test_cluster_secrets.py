"""Credentials never show: not in what is printed, logged, published or kept for later, however a run ends."""

from __future__ import annotations

import base64
import logging
import os
import subprocess
import sys
import traceback

import pytest
from certificates import Authority
from click.testing import CliRunner
from live import FLEET, answer, from_list
from logins import credential, data, kubeconfig, plugin

from indexer.cli import cli
from indexer.loopback import Access, Fault, LoopbackServer
from indexer.loopback.answers import unauthorized

TOKEN, PASSWORD, ARGUMENT = "sha256~planted-token-4711", "planted-password-4712", "planted-argument-4713"
BASIC = base64.b64encode(f"kubeadmin:{PASSWORD}".encode()).decode()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """Make an authority."""
    return Authority(tmp_path_factory.mktemp("authority"))


def echo(asked, _store):
    """Answer 403 with the request's own headers, as some gateways do."""
    return answer(403, f"{asked.headers}".encode()) if asked.is_list else None


@pytest.fixture
def export(monkeypatch, tmp_path, caplog):
    """Give a function that runs the command; it gives everything that was written anywhere, and the exit code."""
    caplog.set_level(logging.DEBUG)

    def run(config, *options):
        monkeypatch.setenv("KUBECONFIG", str(config))
        store = tmp_path / "store"
        arguments = ["export", "-vv", "--receipt", "--store", str(store), "--cluster", "lab", *options]
        result = CliRunner().invoke(cli, arguments)
        trace = "".join(traceback.format_exception(result.exception)) if result.exception else ""
        kept = [path.read_bytes().decode(errors="replace") for path in store.rglob("*") if path.is_file()]
        shown = "\n".join([result.output, caplog.text, trace, repr(result.exception), *kept])
        return shown, getattr(result.exception, "exit_code", result.exit_code)

    return run


def users(folder, certificate, key):
    """Give every form of credential as a user entry, broken ones among them."""
    command = plugin(folder, credential({"token": TOKEN}))
    failing = plugin(folder, f"print('{TOKEN}'); print('{TOKEN}', file=sys.stderr); sys.exit(1)", "failing")
    garbled = plugin(folder, f'print(\'{{"token": "{TOKEN}"\')', "garbled")
    base = {"apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never", "args": [ARGUMENT]}
    plugins = [base | {"command": str(path)} for path in (command, failing, garbled, "missing-plugin")]
    return [
        {"token": TOKEN},
        {"username": "kubeadmin", "password": PASSWORD},
        {"client-certificate-data": data(certificate), "client-key-data": data(key)},
        *({"exec": one | {"env": [{"name": "SECRET", "value": PASSWORD}]}} for one in plugins),
        {"auth-provider": {"name": "oidc", "config": {"id-token": TOKEN}}},
        {"token": f"{TOKEN} {PASSWORD}"},
    ]


SCRIPTS = {
    "honest": (None, {0, 2, 3}),
    "echo": (echo, {2, 3}),
    "a Table in mid-list": (from_list(2, answer(200, b'{"kind":"Table"}', "application/json")), {2, 4}),
    "401 in mid-list": (from_list(2, Fault(unauthorized())), {2, 3, 5}),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_output_shows_a_credential(authority, tmp_path, export, name):
    """Whatever the login and however it ends, no secret is in any output, log, traceback, receipt or journal."""
    script, expected_codes = SCRIPTS[name]
    certificate, key = authority.issue("reader")
    key_lines = [line for line in key.read_text().splitlines() if "-" not in line]
    codes = set()
    access = Access({TOKEN: "reader"}, {"reader"})
    with LoopbackServer(FLEET, access=access, script=script, tls=authority.server_context()) as server:
        cluster = {"certificate-authority": str(authority.path)}
        for user in users(tmp_path, certificate, key):
            config = kubeconfig(tmp_path / "config", server.url, user, cluster=cluster)
            shown, code = export(config, "--limit", "100")
            codes.add(code)
            found = [secret for secret in (TOKEN, PASSWORD, ARGUMENT, BASIC, data(key), *key_lines) if secret in shown]
            assert not found, (name, user.keys(), code)
    assert codes == expected_codes


def test_no_key_is_left_in_a_temporary_file(authority, tmp_path):
    """Keys that OpenSSL must read from a file are gone from the temporary folder when the command has ended."""
    certificate, key = authority.issue("reader")
    folder = tmp_path / "tmp"
    folder.mkdir()
    with LoopbackServer(FLEET[:5], access=Access({}, {"reader"}), tls=authority.server_context()) as server:
        user = {"client-certificate-data": data(certificate), "client-key-data": data(key)}
        cluster = {"certificate-authority-data": data(authority.path)}
        config = kubeconfig(tmp_path / "config", server.url, user, cluster=cluster)
        command = [sys.executable, "-c", "from indexer.cli import main; main()", "export", "--kubeconfig", str(config)]
        environ = os.environ | {"TMPDIR": str(folder)}
        subprocess.run([*command, "--store", str(tmp_path / "store")], env=environ, timeout=60, check=True)
    assert list(folder.iterdir()) == []
