"""The project that a command works on."""

from harness.cli.session import Session
from harness.wiring import Workshop, open_workshop


def open_project(session: Session) -> Workshop:
    """Read the configuration that the global options name, with all its parts. Raises InputError."""
    return open_workshop(session.folder, session.config, session.env_file, session.clock)
