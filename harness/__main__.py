"""The outermost entry point: whatever happens, exit code 1 means a confirmed regression and nothing else."""

import gc
import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path

# Matrices here are small: on several threads they wait for each other longer than they work.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Pydantic looks for plugins in the metadata of every installed package; what drift reads is nobody else's business.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def main() -> None:
    """Run the command line and exit; a bug, an import that fails included, ends in 70."""
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal that cannot show a character of a reply must not end the night.
            stream.reconfigure(errors="backslashreplace")
    gc.disable()  # until everything is imported: none of that is garbage
    try:
        # Imported here so that a broken installation is caught like any other bug.
        from harness.cli.app import run

        code = run(sys.argv[1:])
    except BrokenPipeError:
        # Only help gets here: a command's own output goes on without a reader, to the command's exit code.
        code = 141
    except KeyboardInterrupt:
        code = 130
    except BaseException as error:  # noqa: BLE001  # the one place where everything is caught
        code = _code_of_stop(error) if isinstance(error, SystemExit) else 70
        if code == 70:
            with suppress(OSError):
                _report_bug(error)
    _flush()
    # What is still there goes with the process: looking for cycles in it first is a fifth of a short run.
    gc.freeze()
    sys.exit(code)


def _code_of_stop(stop: SystemExit) -> int:
    """Translate what a library exits with: rich ends in 1 when the reader of the help has gone away."""
    if isinstance(stop.__context__, BrokenPipeError):
        return 141
    return 70 if stop.code else 0


def _open_closed_streams() -> None:
    """Put the null device where a stream was closed at the start (`>&-`): Python leaves None there."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            null = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # open to the end
            setattr(sys, name, null)


def _flush() -> None:
    """Write what is pending; what nobody takes is dropped here, or Python would end in a code of its own."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _report_bug(error: BaseException) -> None:
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    # No traceback: its source lines and values may hold secrets.
    sys.stderr.write(
        f"drift: internal error: {type(error).__name__}{place}  [internal]\n"
        "This is a bug in drift, not drift in your model. DRIFT_TRACEBACK=1 shows where it happened.\n"
    )
    if os.environ.get("DRIFT_TRACEBACK") == "1":
        traceback.print_exception(error)


if __name__ == "__main__":
    main()
