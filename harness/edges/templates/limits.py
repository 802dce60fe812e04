"""How much a prompt may be and do: far more than one needs, and far less than would be noticed."""

MOST_TEMPLATE_BYTES = 100_000
MOST_RENDERED_BYTES = 400_000
MOST_TAGS = 2_000
MOST_TOKENS = 20_000
MOST_TOKENS_IN_TAG = 200
"""Also what bounds how deep an expression is."""
MOST_NESTED = 20
"""Parentheses, brackets, signs, `not` and `else` in one tag; and, apart from them, blocks within blocks."""
MOST_NUMBER_LENGTH = 20
"""Characters of a number that is written in a template."""
MOST_VARIABLES = 200
MOST_STEPS = 100_000
"""Parts of expressions worked out, and turns of loops; a long text costs more than one to compare or to search."""
