"""The shell for SQL, on a terminal of its own."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest

from indexer.cli.options import OutputOptions
from indexer.cli.shell import Shell
from indexer.cli.signals import GRACE_SECONDS
from indexer.errors import ConfigurationError, QueryError

COMMAND = [sys.executable, "-c", "from indexer.cli import main; main()", "sql"]


@pytest.fixture
def shell(sample_catalog):
    """Return a shell over the sample."""
    return Shell(sample_catalog, OutputOptions("json", None, None))


def session(store, home, *lines: str) -> str:
    """Type lines into a shell on a pseudo-terminal and return what the screen shows."""
    master, slave = pty.openpty()
    environment = os.environ | {"TERM": "dumb", "XDG_STATE_HOME": str(home), "COLUMNS": "100"}
    arguments = [*COMMAND, "--store", str(store)]
    with subprocess.Popen(arguments, stdin=slave, stdout=slave, stderr=slave, env=environment) as process:
        os.close(slave)
        os.write(master, "".join(f"{line}\n" for line in lines).encode())
        screen = b"".join(iter(lambda: _read(master), b""))
        process.wait(timeout=60)
    os.close(master)
    assert process.returncode == 0
    return screen.decode().replace("\r\n", "\n")


def _read(master: int) -> bytes:
    """Read what there is; the end of the other side shows as an error on Linux."""
    try:
        return os.read(master, 65536)
    except OSError:
        return b""


def test_a_session(sample_catalog, tmp_path) -> None:
    """Statements may have several lines, an error does not end the shell, the format can change, history is kept."""
    screen = session(
        sample_catalog.store.folder,
        tmp_path,
        "SELECT kind, count(*) AS image_count",
        "FROM images GROUP BY kind ORDER BY kind;",
        "DROP TABLE images;",
        "SELECT nonsense;",
        ".format csv",
        ".query capacity-summary",
        ".describe layers",
        ".quit",
    )
    assert re.search(r"index +109\n", screen)
    assert "DROP statements are refused" in screen
    assert "nonsense" in screen
    assert "cluster_count,image_count,index_count" in screen
    assert "layer_digest,VARCHAR,Digest of the layer." in screen
    history = (tmp_path / "image-indexer" / "history").read_text(encoding="utf-8")
    assert "SELECT kind, count(*) AS image_count" in history


def _screen(terminal: int, seconds: float, awaited: bytes | None = None) -> bytes:
    """Give what the screen shows within so many seconds, or until it shows what is awaited."""
    end, shown = time.monotonic() + seconds, b""
    while (left := end - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            shown += _read(terminal)
        if awaited and awaited in shown:
            break
    return shown


def test_interrupts_stop_statements_and_not_the_shell(sample_catalog) -> None:
    """Ctrl-C at the prompt and in the midst of a query give the prompt back, and the shell is still there later on."""
    process, terminal = pty.fork()
    if not process:
        os.execv(COMMAND[0], [*COMMAND, "--store", str(sample_catalog.store.folder)])  # noqa: S606
    try:
        assert b"sql> " in _screen(terminal, 20, b"sql> ")
        _screen(terminal, 1)
        os.write(terminal, b"\x03")
        assert b"sql> " in _screen(terminal, 20, b"sql> ")
        os.write(terminal, b"SELECT sum(i % 7) FROM range(1000000000000) r(i);\n")
        _screen(terminal, 1)
        os.write(terminal, b"\x03")
        assert b"Stopped." in _screen(terminal, GRACE_SECONDS + 1)
        os.write(terminal, b"SELECT 6 * 7 AS answer;\n")
        assert b"42" in _screen(terminal, 20, b"42")
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(terminal)


def test_completion_knows_views_columns_and_queries(shell) -> None:
    """TAB completes views, the columns of the views named, commands and their arguments."""
    assert "repositories" in shell.completions("SELECT * FROM repo", "repo")
    assert shell.completions("SELECT layer_d FROM layers", "layer_d") == ["layer_digest"]
    assert "signature_conditions" not in shell.completions("SELECT s FROM layers", "signature_n")
    assert "signature_name" not in shell.completions("SELECT signature_n FROM layers", "signature_n")
    assert shell.completions(".des", ".des") == [".describe"]
    assert "layer-sharing" in shell.completions(".query layer", "layer")
    assert shell.completions(".format js", "js") == ["json"]


def test_commands_answer(shell, capsysbinary) -> None:
    """Views, columns and queries are listed in the chosen format."""
    for command in (".tables", ".queries", ".describe images", ".query layer-sharing-histogram"):
        shell.answer(command)
    out = capsysbinary.readouterr().out.decode()
    for word in ('"view":"images"', '"name":"layer-sharing"', '"column":"raw_json"', '"images_per_layer":">25"'):
        assert word in out


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (".nothing", "There is no command .nothing"),
        (".describe", "incomplete"),
        (".query", "incomplete"),
        (".format parquet", "can't show"),
        (".format", "incomplete"),
    ],
)
def test_wrong_commands_say_what_is_right(shell, command, message) -> None:
    """Each mistake is an error with a hint."""
    with pytest.raises(QueryError, match=message) as caught:
        shell.answer(command)
    assert caught.value.hint


def test_unknown_views_name_the_nearest(shell) -> None:
    """A slip in a view's name is answered with the name that was meant."""
    with pytest.raises(ConfigurationError, match="Did you mean 'layers'"):
        shell.answer(".describe layerz")
