"""Golden tasks: weighed, decided, and gated on a pull request."""
