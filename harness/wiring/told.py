"""What an error may say before a project is open, and with it the values of its keys."""

from harness.edges.redaction import Redactor


def without_keys(text: str) -> str:
    """Return `text` without anything that looks like a key, as the name of a file or an argument may."""
    return Redactor({}).redact(text)
