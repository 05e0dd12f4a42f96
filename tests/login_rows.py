"""Every form of login, a row each: accepted, wrong, expired, or nothing there at all, against https on loopback."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fault_rows import Row, closed_port
from live import answer, from_list
from logins import credential, data, kubeconfig, plugin

from indexer.loopback import Access, Fault, reject_until_token_changes
from indexer.loopback.answers import unauthorized

if TYPE_CHECKING:
    from pathlib import Path

    from certificates import Authority

TOKEN = "sha256~planted-token-that-is-good"
RENEWED = "sha256~planted-token-that-is-new"
UNKNOWN = "sha256~planted-token-nobody-knows"
POOR = "sha256~planted-token-without-rights"
PASSWORD = "planted-password"
ARGUMENT = "planted-plugin-argument"
SECRETS = (TOKEN, RENEWED, UNKNOWN, POOR, PASSWORD, ARGUMENT, "PRIVATE KEY")
V1, V1BETA1 = "client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"
LONG_AGO, FAR_AHEAD = "2001-01-01T00:00:00Z", "2101-01-01T00:00:00Z"


def access():
    """Give the accounts of a server."""
    users = {TOKEN: "reader", RENEWED: "reader", POOR: "poor"}
    return Access(users, {"reader", *(f"reader-{kind}" for kind in ("files", "data", "old", "other", "plugin"))})


@dataclass(frozen=True)
class Scene:
    """What a row may use: its server's address, a folder of its own, an authority everybody trusts and another one."""

    url: str
    folder: Path
    authority: Authority
    stranger: Authority
    proxies: dict[str, str]

    def write(self, name, text):
        """Write a file; gives its path."""
        path = self.folder / name
        path.write_text(text)
        return path

    def config(self, user, *, name="config", **cluster):
        """Write a kubeconfig for one user, trusting the authority unless `cluster` says otherwise."""
        trust = {} if "insecure-skip-tls-verify" in cluster else {"certificate-authority": str(self.authority.path)}
        settings = {key: value for key, value in (trust | cluster).items() if value is not None}
        return kubeconfig(self.folder / name, self.url, user, cluster=settings)


def by(user, *arguments, **cluster):
    """Log in with a kubeconfig user, given as it is or as a function of the scene."""

    def login(scene):
        values = {key: value(scene) if callable(value) else value for key, value in cluster.items()}
        path = scene.config(user(scene) if callable(user) else user, **values)
        return (*arguments, "--kubeconfig", str(path)), {}

    return login


def by_options(token=TOKEN, authority="authority"):
    """Log in with --server, --token-file and --certificate-authority; None leaves an option out."""

    def login(scene):
        arguments = ["--server", scene.url]
        if token is not None:
            path = scene.write("token", f"{token}\n") if token else scene.folder / "no-such-file"
            arguments += ["--token-file", str(path)]
        if authority:
            arguments += ["--certificate-authority", str(getattr(scene, authority).path)]
        return tuple(arguments), {}

    return login


def token_file(text):
    """Log in with a tokenFile."""

    def user(scene):
        scene.write("token", text)
        return {"tokenFile": "token"}

    return user


def certificate(kind, *, as_data=False, maker="authority", **issue):
    """Log in with a client certificate."""

    def user(scene):
        crt, key = getattr(scene, maker).issue(f"reader-{kind}", **issue)
        if as_data:
            return {"client-certificate-data": data(crt), "client-key-data": data(key)}
        return {"client-certificate": str(crt), "client-key": str(key)}

    return user


def executed(status, version=V1, *, body="", **more):
    """Log in with a plugin that gives this status and writes a secret to stderr."""

    def user(scene):
        given = status(scene) if callable(status) else status
        noise = f"print({PASSWORD!r}, file=sys.stderr)\n"
        plugin(scene.folder, noise + body + credential(given, version))
        entry = {"apiVersion": V1, "command": "./login-plugin", "interactiveMode": "Never", "args": [ARGUMENT]}
        return {"exec": entry | {"apiVersion": version} | more}

    return user


def plugin_certificate(scene):
    """Give the status of a plugin that logs in with a certificate."""
    crt, key = scene.authority.issue("reader-plugin")
    return {"clientCertificateData": crt.read_text(), "clientKeyData": key.read_text()}


FAILING = f"print({PASSWORD!r}); print({TOKEN!r}, file=sys.stderr); sys.exit(3)\n"
COUNTING = (
    "from pathlib import Path\n"
    "runs = Path(__file__).with_name('runs')\n"
    "first = not runs.exists()\n"
    "runs.write_text('x' if first else runs.read_text() + 'x')\n"
)
TURNING = COUNTING + "token = {first!r} if first else {then!r}\n"


def turning(first, then, **status):
    """Log in with a plugin that gives one token at its first run and another one later."""
    fields = "{" + "".join(f"{key!r}: {value!r}, " for key, value in status.items()) + "'token': token}"
    return executed(fields, body=TURNING.format(first=first, then=then))


def in_pod(*, token=TOKEN):
    """Log in as a service account whose folder `SERVICE_ACCOUNT` names."""

    def login(scene):
        folder = scene.folder / "serviceaccount"
        folder.mkdir()
        (folder / "ca.crt").write_bytes(scene.authority.path.read_bytes())
        if token:
            (folder / "token").write_text(token)
        host, _, port = scene.url.removeprefix("https://").partition(":")
        return (), {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port, "SERVICE_ACCOUNT": str(folder)}

    return login


def several_files(scene):
    """Spread cluster and user over two files, after one that does not exist; the first current-context counts."""
    first = scene.config({"token": UNKNOWN}, name="first")
    document = {
        "users": [{"name": "other", "user": {"token": TOKEN}}],
        "contexts": [{"name": "main", "context": {"cluster": "lab", "user": "other"}}],
        "current-context": "main",
    }
    zero = scene.write("zero", json.dumps(document))
    return (), {"KUBECONFIG": f"{scene.folder / 'none'}:{zero}:{first}"}


def first_file_wins(scene):
    """Name the same user in two files."""
    first, second = scene.config({"token": TOKEN}, name="first"), scene.config({"token": UNKNOWN}, name="second")
    return (), {"KUBECONFIG": f"{first}:{second}"}


def missing_files(scene):
    """Name only files that do not exist."""
    return (), {"KUBECONFIG": f"{scene.folder / 'none'}:{scene.folder / 'nowhere'}"}


def broken_yaml(scene):
    """Break the very line of the token."""
    return (), {"KUBECONFIG": str(scene.write("config", f'users: [{{user: {{token: "{TOKEN}}}}}]'))}


def home(scene):
    """Put the kubeconfig where everybody has it."""
    (scene.folder / ".kube").mkdir()
    scene.config({"token": TOKEN}).rename(scene.folder / ".kube" / "config")
    return (), {"HOME": str(scene.folder)}


def with_secret_in_address(scene):
    """Write a password into the server's address."""
    return ("--server", scene.url.replace("https://", f"https://admin:{PASSWORD}@")), {}


def revoked_from(list_number):
    """Refuse every token from a page on."""
    return from_list(list_number, Fault(unauthorized()))


def echoing(asked, _store):
    """Refuse with a body that repeats the token."""
    return answer(401, asked.header("authorization").encode()) if asked.is_list else None


def row(did, login, exit_code=0, says="", **more):
    """Make a row against https."""
    return Row(did, more.pop("script", None), exit_code, says=says, login=login, **{"tls": {}} | more)


NOT_VERIFIED = {"warnings": "not verified"}
LOGIN_ROWS = (
    row("token: accepted", by({"token": TOKEN})),
    row("token: unknown", by({"token": UNKNOWN}), 3, "(401)"),
    row("token: unknown, repeated in the answer's body", by({"token": UNKNOWN}), 3, "[redacted]", script=echoing),
    row("token: expires in mid-list", by({"token": TOKEN}), 5, "(401)", script=revoked_from(3)),
    row("token: its user may not list", by({"token": POOR}), 3, "ClusterRole"),
    row("token: empty", by({"token": " "}), 2, "no token"),
    row("tokenFile: accepted", by(token_file(TOKEN))),
    row("tokenFile: unknown", by(token_file(UNKNOWN)), 3, "(401)"),
    row("tokenFile: expires in mid-list", by(token_file(TOKEN)), 5, "(401)", script=revoked_from(3)),
    row("tokenFile: renewed in mid-list", by(token_file(TOKEN)), script=reject_until_token_changes(3), renews="token"),
    row("tokenFile: empty", by(token_file("\n")), 2, "no token"),
    row("tokenFile: missing", by({"tokenFile": "nowhere"}), 2, "can't be read"),
    row("--token-file and --certificate-authority: accepted", by_options()),
    row("--token-file: unknown", by_options(UNKNOWN), 3, "(401)"),
    row("--token-file: expires in mid-list", by_options(), 5, "(401)", script=revoked_from(3)),
    row("--token-file: renewed in mid-list", by_options(), script=reject_until_token_changes(3), renews="token"),
    row("--token-file: missing", by_options(""), 2, "can't be read"),
    row("--server without a token, where one is needed", by_options(None), 3, "No credentials were sent"),
    row("--server with a password in it", with_secret_in_address, 2, "holds a name or password"),
    row("client certificate, files: accepted", by(certificate("files"))),
    row("client certificate, data: accepted", by(certificate("data", as_data=True))),
    row("client certificate, files: of a stranger", by(certificate("other", maker="stranger")), 3, "certificate"),
    row("client certificate, data: expired", by(certificate("old", as_data=True, is_expired=True)), 3, "certificate"),
    row("client certificate: no key", by(lambda scene: {"client-certificate": str(scene.authority.path)}), 2,
        "without its key"),
    row("client certificate: key of another one",
        by(lambda scene: certificate("a")(scene) | {"client-key": certificate("b")(scene)["client-key"]}), 2,
        "can't be used"),
    row("client certificate: file missing", by({"client-certificate": "none", "client-key": "none"}), 2,
        "can't be used"),
    row("CA, file: another one", by_options(authority="stranger"), 3, "is not trusted"),
    row("CA, none: the system's do not know it", by_options(authority=None), 3, "is not trusted"),
    row("CA, data: accepted", by({"token": TOKEN}, **{
        "certificate-authority": None, "certificate-authority-data": lambda scene: data(scene.authority.path)})),
    row("CA, data: another one", by({"token": TOKEN}, **{
        "certificate-authority": None, "certificate-authority-data": lambda scene: data(scene.stranger.path)}), 3,
        "is not trusted"),
    row("CA, file: missing", by({"token": TOKEN}, **{"certificate-authority": "none"}), 2, "can't be used"),
    row("CA, data: no certificate", by({"token": TOKEN}, **{"certificate-authority-data": "bm9uZQ=="}), 2,
        "can't be used"),
    row("the server's certificate: expired", by({"token": TOKEN}), 3, "is not trusted", tls={"is_expired": True}),
    *(row(f"exec {version.rpartition('/')[2]}: accepted", by(executed({"token": TOKEN}, version)))
      for version in (V1, V1BETA1)),
    *(row(f"exec {version.rpartition('/')[2]}: unknown token", by(executed({"token": UNKNOWN}, version)), 3, "(401)")
      for version in (V1, V1BETA1)),
    *(row(f"exec {version.rpartition('/')[2]}: fails", by(executed({}, version, body=FAILING)), 2, "exit status 3")
      for version in (V1, V1BETA1)),
    row("exec: certificate accepted", by(executed(plugin_certificate))),
    row("exec: expired at once, so run again for each page",
        by(turning(UNKNOWN, TOKEN, expirationTimestamp=LONG_AGO))),
    row("exec: refused in mid-list, run again", by(turning(TOKEN, RENEWED, expirationTimestamp=FAR_AHEAD)),
        script=reject_until_token_changes(3)),
    row("exec: refused in mid-list, then fails",
        by(executed({"token": TOKEN}, body=COUNTING + f"if not first: {FAILING}")), 5, "exit status 3",
        script=reject_until_token_changes(3)),
    row("exec: yields nothing", by(executed({})), 2, "neither a token nor a certificate"),
    row("exec: of another version", by(executed({"token": TOKEN}, V1BETA1, apiVersion=V1)), 2, "does not match"),
    row("exec: not installed",
        by({"exec": {"apiVersion": V1, "command": "no-such-plugin", "interactiveMode": "Never"}}), 2, "can't be run"),
    row("proxy-url: accepted", by({"token": TOKEN}, **{"proxy-url": lambda scene: scene.proxies["open"]})),
    row("proxy-url with name and password: accepted",
        by({"token": TOKEN}, **{"proxy-url": lambda scene: scene.proxies["locked"]})),
    row("proxy-url with a wrong password",
        by({"token": TOKEN}, **{"proxy-url": lambda scene: scene.proxies["wrong"]}), 3, "proxy"),
    row("proxy-url: nobody there",
        by({"token": TOKEN}, **{"proxy-url": f"http://admin:{PASSWORD}@127.0.0.1:{closed_port()}"}), 3, "proxy"),
    row("tls-server-name: accepted", by({"token": TOKEN}, **{"tls-server-name": "api.lab"}),
        tls={"hosts": ("api.lab",), "addresses": ()}),
    row("tls-server-name: another name", by({"token": TOKEN}, **{"tls-server-name": "api.lab"}), 3, "is not trusted"),
    row("insecure-skip-tls-verify: accepted, with a warning",
        by({"token": TOKEN}, **{"insecure-skip-tls-verify": True}), says="not verified", receipt=NOT_VERIFIED),
    row("insecure-skip-tls-verify beside a CA",
        by({"token": TOKEN}, **{"insecure-skip-tls-verify": True, "certificate-authority": "ca.crt"}), 2, "Remove one"),
    row("--as, --as-group: sent", by({"token": TOKEN}, "--as", "auditor", "--as-group", "auditors"),
        sent={"impersonate-user": "auditor", "impersonate-group": "auditors"}),
    row("as of the kubeconfig: sent", by({"token": TOKEN, "as": "auditor"}), sent={"impersonate-user": "auditor"}),
    row("--as with a name beyond ASCII: sent as UTF-8", by({"token": TOKEN}, "--as", "Łukasz"),
        sent={"impersonate-user": "Łukasz".encode().decode("latin-1")}),
    row("--as with a line end", by({"token": TOKEN}, "--as", "a\nb"), 2, "no name to act as"),
    row("--as-group without --as", by({"token": TOKEN}, "--as-group", "auditors"), 2, "Add --as"),
    row("service account of a pod: accepted", in_pod()),
    row("service account: unknown token", in_pod(token=UNKNOWN), 3, "(401)"),
    row("service account: expires in mid-list, not renewed", in_pod(), 5, "(401)", script=revoked_from(3)),
    row("service account: rotated in mid-list", in_pod(), script=reject_until_token_changes(3),
        renews="serviceaccount/token"),
    row("service account: no token", in_pod(token=None), 2, "can't be read"),
    row("several files in $KUBECONFIG: accepted", several_files),
    row("the same name in two files: the first counts", first_file_wins),
    row("$KUBECONFIG of missing files only", missing_files, 2, "No file of $KUBECONFIG exists"),
    row("$KUBECONFIG that is no YAML", broken_yaml, 2, "is not YAML"),
    row("~/.kube/config: accepted", home),
    row("--context: accepted", by({"token": TOKEN}, "--context", "lab")),
    row("--context: unknown", by({"token": TOKEN}, "--context", "prod"), 2, "not in the kubeconfig"),
    row("a user without credentials", by({}), 2, "has no credentials"),
    row("name and password: refused", by({"username": "admin", "password": PASSWORD}), 3, "(401)"),
    row("auth-provider: dropped by Kubernetes", by({"auth-provider": {"name": "gcp"}}), 2, "auth-provider gcp"),
    row("no cluster configured at all", lambda _: ((), {}), 2, "No cluster is configured"),
)  # fmt: skip
