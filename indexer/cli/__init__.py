"""The command line: parse, call the library, write. One place turns errors into exit codes.

Commands live in modules of their own and are imported when they are run, so that `--help` stays quick.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import click

from indexer.cli.lazy import LazyGroup
from indexer.cli.signals import TerminatedError, received_exit_code, watch_signals
from indexer.errors import ConfigurationError, ExitCode, IncompleteError, IndexerError
from indexer.files import DISK_FULL

EPILOG = """\b
Exit codes:
  0    done
  1    a query or check failed
  2    usage or configuration: unknown query, missing file or store, unwritable store
  3    the source can't be reached or refuses
  4    data can't be decoded, or a snapshot is broken
  5    incomplete: a list could not be read to its end, or the disk filled; nothing published
  130  interrupted (SIGINT)
  143  terminated (SIGTERM)
"""

_CLICK_MET_A_CLOSED_PIPE = 1
"""Exit code click asks for then, and for nothing else when it is not left to end the process itself."""

COMMANDS = {
    "export": ("indexer.cli.write:export", "Export a live cluster into a new snapshot."),
    "import": ("indexer.cli.write:import_", "Import files, or - for standard input, into a new snapshot."),
    "watch": ("indexer.cli.follow:watch", "Follow a live cluster; a new snapshot when it has changed."),
    "snapshots": ("indexer.cli.snapshots:snapshots", "List, show, verify, compare and expire what is in a store."),
    "query": ("indexer.cli.read:query", "Run a canned query; without a name, list them."),
    "check": ("indexer.cli.check:check", "Run the data-quality checks."),
    "sql": ("indexer.cli.read:sql", "Run any reading SQL."),
    "build": ("indexer.cli.report:build", "Write the views as tables of a DuckDB file."),
    "report": ("indexer.cli.report:report", "Write the capacity report as one HTML file."),
    "schema": ("indexer.cli.read:schema", "Show the data dictionary."),
    "demo": ("indexer.cli.demo:demo", "Run the whole chain on the bundled sample."),
}


@click.group(
    cls=LazyGroup,
    commands_by_name=COMMANDS,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(package_name="image-indexer")
def cli() -> None:
    """Answer what OpenShift Image objects occupy, share, run on and are signed by.

    \b
    image-indexer demo
    image-indexer export --store S
    image-indexer query capacity-summary --store S
    """


def main() -> NoReturn:
    """Run the command line and exit with the code the outcome maps to."""
    _open_closed_streams()
    watch_signals()
    code = _run()
    _let_go_of_stdout()
    sys.exit(code)


def _open_closed_streams() -> None:
    """Put the null device in place of standard streams the caller closed.

    Otherwise the next file of ours gets their numbers, and an export would fail for want of a place for messages.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def _run() -> int:
    try:
        cli.main(prog_name="image-indexer", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        return _misused(error)
    except IndexerError as error:
        return _fail(error)
    except OSError as error:
        return _stopped_writing(error)
    except (KeyboardInterrupt, click.Abort, TerminatedError, RuntimeError) as error:
        return _interrupted(error)
    except SystemExit as error:
        if error.code != _CLICK_MET_A_CLOSED_PIPE:
            raise
    return ExitCode.DONE


def _interrupted(error: BaseException) -> int:
    """Exit code of the signal; the engine has a RuntimeError of its own for it, any other is a fault of ours."""
    if isinstance(error, TerminatedError):
        return ExitCode.TERMINATED
    code = received_exit_code() or (None if _is_fault(error) else ExitCode.INTERRUPTED)
    if code is None:
        raise error
    return code


def _is_fault(error: BaseException) -> bool:
    return isinstance(error, RuntimeError) and not isinstance(error, click.Abort)


def _misused(error: click.ClickException) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return ExitCode.USAGE
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = f"Try: {context.command_path} --help." if context else ""
    return _fail(ConfigurationError(error.format_message(), hint=hint))


def _stopped_writing(error: OSError) -> int:
    """End quietly where the reader of a pipe has gone, and with an error where the disk behind stdout is full."""
    if isinstance(error, BrokenPipeError):
        return ExitCode.DONE
    if error.errno not in DISK_FULL:
        raise error
    return _fail(IncompleteError(f"Can't write the output: {error.strerror}.", hint="Free some space and run again."))


def _let_go_of_stdout() -> None:
    """Write what is left; what can't be written must not fail a second time when the interpreter ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(error: IndexerError) -> int:
    from indexer.cli.diagnostics import show_error

    show_error(error)
    return error.exit_code
