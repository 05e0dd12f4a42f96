"""GnuPG as a second opinion: a home of its own and commands that never ask."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

GPG = shutil.which("gpg")


@contextmanager
def fresh_home() -> Iterator[str]:
    """Make a home and end its agent afterwards; its path is short because the agent's socket lies in it."""
    home = tempfile.mkdtemp(prefix="gpg-")
    try:
        yield home
    finally:
        subprocess.run([str(shutil.which("gpgconf")), "--homedir", home, "--kill", "all"], check=False)
        shutil.rmtree(home, ignore_errors=True)


def gpg(home: str, *arguments: str, given: bytes = b"", check: bool = True) -> bytes:
    """Run gpg without questions and return what it writes to standard output."""
    command = [str(GPG), "--homedir", home, "--batch", "--quiet", "--no-tty", "--passphrase", "", *arguments]
    return subprocess.run(command, input=given, check=check, capture_output=True).stdout


def gpg_words(home: str, certificate: bytes, message: bytes) -> set[str]:
    """Words of `gpg --verify` for a message when it knows one certificate and no other."""
    with tempfile.TemporaryDirectory() as folder:
        only = ("--no-default-keyring", "--keyring", str(Path(folder) / "keys.gpg"))
        gpg(home, *only, "--import", given=certificate, check=False)
        status = gpg(home, *only, "--status-fd", "1", "--verify", given=message, check=False).decode()
    return set(re.findall(r"^\[GNUPG:\] (\w+)", status, re.MULTILINE))
