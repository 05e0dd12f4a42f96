"""Commands in the documentation run, and print what stands below them; links lead somewhere."""

from __future__ import annotations

import gzip
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from indexer.cli import cli
from indexer.loopback import ImageStore, LoopbackServer, items_of_pages
from indexer.resources import resource_folder

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SERVER = "https://api.prod.example.com:6443"
MARK = "@@@"
KEYRINGS = ("RPM-GPG-KEY-redhat-release", "vendor.asc", "ours.gpg")
pytestmark = pytest.mark.slow


def blocks(page: Path, language: str) -> list[str]:
    """Fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[tuple[str, list[str]]]:
    """Commands of a console block, each with the lines that stand below it."""
    pairs: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            pairs.append((line.removeprefix("$ "), []))
        else:
            pairs[-1][1].append(line)
    return pairs


def pattern(lines: list[str]) -> str:
    """Match output: `…` stands for anything in a line, and alone for any lines."""
    parts = [r"(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + r" *\n" for line in lines]
    return "".join(parts)


@pytest.fixture(scope="module")
def live():
    """Serve the sample as a cluster would."""
    pages = sorted((resource_folder("data") / "sample").glob("page-*.json.gz"))
    bodies = (gzip.decompress(page.read_bytes()) for page in pages)
    with ImageStore(items_of_pages(bodies)) as images, LoopbackServer(images) as server:
        yield server.url


@pytest.fixture
def place(tmp_path, sample_catalog):
    """Make a folder as after the installation: the command on the path, a store of the sample, the project's files."""
    programs = tmp_path / ".bin"
    programs.mkdir()
    for name, code in {
        "image-indexer": "from indexer.cli import main; main()",
        "jupyter": "from jupyter_core.command import main; main()",
        "python": "",
    }.items():
        script = programs / name
        inline = f' -c "{code}"' if code else ""
        script.write_text(f'#!/bin/sh\nexec {sys.executable}{inline} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    for name in ("docs", "notebooks", "deploy"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copytree(sample_catalog.store.folder, tmp_path / "image-index")
    (tmp_path / "token").write_text("secret", encoding="utf-8")
    for name in KEYRINGS:
        shutil.copy(ROOT / "data" / "sample" / "signing-key.asc", tmp_path / name)
    return tmp_path


def run(place: Path, pairs: list[tuple[str, list[str]]], server: str) -> list[tuple[str, int]]:
    """Run commands in one shell; return what each prints and its exit code."""
    script = "".join(f"{command.replace(SERVER, server)}\necho {MARK}$?\n" for command, _ in pairs)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IMAGE_INDEXER_")}
    environment |= {
        "PATH": f"{place / '.bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    result = subprocess.run(
        [shutil.which("bash")],
        input=script,
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    parts = re.split(rf"{MARK}(\d+)\n", result.stdout)
    outcomes = [(text, int(code)) for text, code in zip(parts[::2], parts[1::2], strict=False)]
    assert [code for _, code in outcomes] == [0] * len(pairs), result.stderr
    return outcomes


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "console")], ids=lambda page: page.stem)
def test_commands_print_what_the_page_says(page, place, live) -> None:
    """Every command of a page runs, in order and in one shell, and its output is the one shown."""
    pairs = [pair for block in blocks(page, "console") for pair in commands(block)]
    if not any("export" in command for command, _ in pairs):
        (place / "s").symlink_to("image-index")
    for (command, lines), (text, _) in zip(pairs, run(place, pairs, live), strict=True):
        if any(lines):
            assert re.fullmatch(pattern(lines), text), f"{command}\nprinted:\n{text}"


def given(page: Path) -> list[str]:
    """Commands of this tool in blocks that are not run, since they need a cluster or an installation."""
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    return [line.split(" #")[0].split(" | ")[-1] for line in lines if line.startswith("image-indexer ")]


@pytest.mark.parametrize("page", [page for page in PAGES if given(page)], ids=lambda page: page.stem)
def test_other_commands_have_options_that_exist(page) -> None:
    """Commands that can't be run here are at least read by the command line without complaint."""
    for line in given(page):
        command, words = cli, shlex.split(line)[1:]
        while isinstance(command, click.Group):
            command = command.get_command(click.Context(command), words.pop(0))
        command.make_parser(click.Context(command)).parse_args(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page) -> None:
    """Relative links name files that are there, and headings in them."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)]+)\)", prose):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        found = page.parent / path if path else page
        assert found.is_file(), target
        assert not anchor or f"# {anchor}\n" in found.read_text(encoding="utf-8").lower(), target
