"""Parts that hand figures over: the library is loaded when somebody asks for them."""

import re
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from harness.core.gauges import Family
from harness.errors import MissingKey, MissingPackage, UsageError
from harness.wiring.files import output_folder, write_file
from harness.wiring.workshop import Workshop

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\Z")


def write_textfile(workshop: Workshop, folder: Path, named: Path, families: Sequence[Family]) -> Path:
    """Replace a file of figures at once: a collector that reads meanwhile sees the old one or the new one."""
    path = output_folder(folder, named.parent) / named.name
    if path.suffix != ".prom":
        raise UsageError(f"--textfile {named}: the collector reads files that end in .prom")
    write_file(path, workshop.redactor.redact_values(_library().exposition(families)))
    return path


def push_figures(workshop: Workshop, variable: str, families: Sequence[Family]) -> None:
    """Push figures to the gateway whose address a variable holds. Raises SetupError, MeasurementError."""
    if not _VARIABLE.match(variable):
        raise UsageError("--push takes the name of a variable, never the address itself")
    url = workshop.environment.get(variable, "").strip()
    if not url:
        raise MissingKey(f"{variable} is not set; it has to hold the address of a gateway")
    _library().push(families, url, variable, workshop.redactor.redact_values)


def _library() -> Any:
    try:
        return import_module("harness.edges.sinks.prometheus")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("harness"):
            raise
        raise MissingPackage(
            "figures for Prometheus need the extra `metrics`: pip install 'drift-harness[metrics]'"
        ) from error
