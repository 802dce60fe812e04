"""Where a token may be sent: an address, a repository, and the token itself, checked before anything leaves."""

import ipaddress
import re
from urllib.parse import urlsplit

from harness.errors import MissingKey, UsageError, one_line

API_URL = "https://api.github.com"
_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}\Z")
_REPOSITORY = re.compile(r"(?!\.{1,2}/)[A-Za-z0-9._-]{1,100}/(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,100}\Z")


def api_address(url: str) -> str:
    """Return the address of an API without its last slash. Raises UsageError for what a token must not be sent to."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"--api-url: '{one_line(url[:100])}' is no address") from error
    if not host or parts.username is not None or parts.query or parts.fragment or not url.isascii():
        raise UsageError("--api-url: give scheme, host and path, such as https://github.example.org/api/v3")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_this_machine(host)):
        raise UsageError(
            f"--api-url: the token is sent over https only, not to {parts.scheme}://{one_line(host)}"
        )
    return url.rstrip("/")


def is_this_machine(host: str) -> bool:
    """Say whether a host is this machine, by its name or address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def repository_named(name: str) -> str:
    """Return `owner/name`. Raises UsageError."""
    if not _REPOSITORY.match(name):
        raise UsageError(f"--repo: '{one_line(name[:100])}' is no repository; write owner/name")
    return name


def token_checked(token: str, variable: str) -> str:
    """Return a token without the space around it. Raises UsageError, which never shows it."""
    token = token.strip()
    if not _TOKEN.match(token):
        raise MissingKey(f"{variable} is empty or holds no token: one word of visible ASCII characters")
    return token
