"""A PostgreSQL server of the tests' own, from Debian's programs: no port, a socket in a folder of its own."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

PASSWORD = "p%ss:w/rd@x"
"""With every character that has a meaning in a URL."""
_OTHER_USERS = ("postgres", "nobody")
_QUICK = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "max_connections": "40"}


def programs() -> Path | None:
    """Find the folder with `initdb` and `pg_ctl`, the newest where there are several."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: _version(path))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).resolve().parent if on_path else None


def why_not() -> str | None:
    """Say why no server can be started here, or None where one can."""
    if programs() is None:
        return "no PostgreSQL on this machine; on Debian: bash scripts/install_postgres.sh"
    if os.geteuid() == 0 and (_other_user() is None or shutil.which("setpriv") is None):
        return "PostgreSQL does not run as root, and there is no other user to run it as"
    return None


@dataclass(frozen=True, kw_only=True)
class PostgresServer:
    """A running server."""

    folder: Path
    _numbers: Iterator[int] = field(default_factory=count)

    def url(self, database: str, password: str = PASSWORD) -> str:
        """Return the URL of a database."""
        return f"postgresql://drift:{quote(password, safe='')}@/{database}?host={self.folder}"

    def new_schema(self) -> str:
        """Make an empty schema in one database and return its URL: a tenth of the time that a database takes."""
        name = f"history_{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        return f"{self.url('postgres')}&options=-csearch_path%3D{name}"


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Start a server, and stop it at the end."""
    bin_ = programs()
    assert bin_ is not None
    # A socket's path may have a hundred characters, so not below pytest's own folders; nor may another user enter those.
    folder = Path(tempfile.mkdtemp(prefix="drift-pg-"))
    user = _other_user() if os.geteuid() == 0 else None
    data, log, password = folder / "data", folder / "log", folder / "password"
    password.write_text(PASSWORD, encoding="utf-8")
    options = " ".join([f"-k {folder} -h ''", *(f"-c {name}={value}" for name, value in _QUICK.items())])
    try:
        if user is not None:
            for path in (folder, password):
                os.chown(path, user.pw_uid, user.pw_gid)
        _run(
            user,
            [bin_ / "initdb", "-D", data, "-U", "drift", "--no-sync", "-E", "UTF8", "--locale=C"],
            ["--auth=scram-sha-256", f"--pwfile={password}"],
        )
        _run(user, [bin_ / "pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "-t", "30", "start"])
        try:
            yield PostgresServer(folder=folder)
        finally:
            _run(user, [bin_ / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(user: pwd.struct_passwd | None, *parts: list[object]) -> None:
    command = [str(word) for part in parts for word in part]
    if user is not None:
        become = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        command = ["setpriv", *become, "--", *command]
    # To a file and not to a pipe: the server inherits it, and nobody would ever see the pipe's end.
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(command, stdout=said, stderr=said, cwd="/", check=False, timeout=60)
        said.seek(0)
        assert done.returncode == 0, said.read().decode("utf-8", "replace")


def _other_user() -> pwd.struct_passwd | None:
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return next((known[name] for name in _OTHER_USERS if name in known), None)


def _version(path: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in path.parts[-3].split(".") if part.isdigit())
