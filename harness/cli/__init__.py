"""One module per command: arguments, one flow, an exit code."""
