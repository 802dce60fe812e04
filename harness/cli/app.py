"""The command line. A command's module is imported when the command is run, not to list it."""

import errno
import gc
import os
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer._click.exceptions import ClickException, NoArgsIsHelpError, UsageError
from typer.core import TyperCommand, TyperGroup

from harness import __version__
from harness.cli.commands import COMMANDS, Entry
from harness.cli.session import Session, write
from harness.errors import CannotWrite, HarnessError, one_line
from harness.registry import did_you_mean

if TYPE_CHECKING:
    from harness.ports import Clock


COLLECTED_AFTER = (50_000, 20, 100)
"""A command builds one large graph, keeps it, and ends: looking for cycles in it over and over would make ten
times the results cost fifteen times the time."""


class LazyCommand(TyperCommand):
    """Stands in for a command until it is run."""

    def __init__(self, name: str, entry: Entry) -> None:
        super().__init__(name, help=entry.summary, callback=lambda: None)
        self._entry = entry

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Import the real command and hand over to it."""
        module, _, attribute = self._entry.place.partition(":")
        found = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            real = typer.main.get_command(found)
        else:
            alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
            alone.command(self.name)(found)
            real = typer.main.get_command(alone)
        if not gc.isenabled():
            # Switched off to import: what that made stays to the end, and is never looked at again.
            gc.freeze()
            gc.enable()
        return real.make_context(info_name, args, parent=parent, **extra)


class LazyGroup(TyperGroup):
    """Lists commands from the table."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # the parent's signature
        """List the commands in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> LazyCommand | None:  # noqa: ARG002
        """Return a stand-in for the command."""
        entry = COMMANDS.get(cmd_name)
        return LazyCommand(cmd_name, entry) if entry else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command, or say which one may be meant."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"unknown command '{args[0]}'{did_you_mean(args[0], tuple(COMMANDS))}")
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=LazyGroup, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich"
)


def _show_version(value: bool) -> None:  # noqa: FBT001  # a callback of Typer's
    if value:
        typer.echo(f"drift {__version__}")
        raise typer.Exit


@app.callback()
def main(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Option("-C", metavar="DIR", help="Work in this folder.")] = Path(),
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Configuration; else the nearest drift.yaml upwards."),
    ] = None,
    env_file: Annotated[
        Path | None,
        typer.Option(
            "--env-file", metavar="FILE", help="Read variables from this file; no .env is read unasked."
        ),
    ] = None,
    color: Annotated[str, typer.Option("--color", help="auto, always or never.")] = "auto",
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Only results.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Also every call.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Results as JSON on stdout.")] = False,
    no_input: Annotated[bool, typer.Option("--no-input", help="Never ask.")] = False,
    version: Annotated[  # noqa: ARG001  # its callback does the work
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Did the model's behaviour change, is it for the worse, and how sure are we?"""
    if color not in ("auto", "always", "never"):
        raise typer.BadParameter(f"'{color}' is not auto, always or never", param_hint="--color")
    ctx.obj = Session(
        folder=folder.resolve(),
        config=config,
        env_file=env_file,
        color=color,
        quiet=quiet,
        verbose=verbose,
        json=json,
        no_input=no_input,
        clock=ctx.obj,
        named_folder=_working_folder() / folder,
    )


def _working_folder() -> Path:
    """Return the working folder as the shell names it, where that is true: a link on the way there shows."""
    physical, named = Path.cwd(), Path(os.environ.get("PWD", ""))
    with suppress(OSError, ValueError):
        if named.is_absolute() and named.samefile(physical):
            return named
    return physical


_LONGEST_USAGE = 500
_LONGEST_LINE = 4_000
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def run(arguments: list[str], *, clock: "Clock | None" = None) -> int:
    """Run one command line, by the machine's clock or another, and return its exit code.

    What it does not expect, it lets through.
    """
    gc.set_threshold(*COLLECTED_AFTER)
    command = typer.main.get_command(app)
    try:
        result = command.main(args=arguments, prog_name="drift", standalone_mode=False, obj=clock)
    except NoArgsIsHelpError:
        return 2  # the help was its message
    except UsageError as error:
        usage = f"{error.ctx.get_usage()}\n" if error.ctx else ""
        write(sys.stderr, f"{usage}drift: {_cut(error)}  [usage]\n")
        return 2
    except ClickException as error:
        write(sys.stderr, f"drift: {_cut(error)}  [usage]\n")
        return 2
    except typer.Abort:
        write(sys.stderr, "drift: stopped\n")
        return 130
    except HarnessError as error:
        return _explain(error)
    except OSError as error:
        if error.errno in _FULL:
            return _explain(CannotWrite(f"{error.strerror}; make room, and run again"))
        if error.filename is None:
            raise
        # The machine, not drift: a file where a folder should be, a right that is missing, a full disk.
        return _explain(CannotWrite(f"{error.filename}: {error.strerror}; check what is there"))
    return result if isinstance(result, int) else 0


def _cut(error: ClickException) -> str:
    """Return what is wrong with a command line, which may be anything at all, on one line of bounded length."""
    return _short(one_line(_without_keys(error.format_message())), _LONGEST_USAGE)


def _without_keys(text: str) -> str:
    """Take out what looks like a key, as a file's name or an argument may."""
    # Imported only now: it takes a while, and most commands end without an error.
    redacted: str = import_module("harness.wiring.told").without_keys(text)
    return redacted


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def _explain(error: HarnessError) -> int:
    lines = _without_keys(error.told).splitlines()
    said = (
        line if ":" in line.split(" ", 1)[0] and not line.startswith((":", "#")) else f"drift: {line}"
        for line in (_short(one_line(line), _LONGEST_LINE) for line in lines)
    )
    write(sys.stderr, "".join(f"{line}\n" for line in said))
    return error.exit_code
