"""How many there are, in words; apart, because what only counts needs nothing else of the reports."""

_NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


def many(count: int, singular: str, plural: str | None = None) -> str:
    """Count things: 1 case, 2 cases."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


def many_in_words(count: int, singular: str, plural: str | None = None) -> str:
    """Count things at the beginning of a sentence: Two cases."""
    word = _NUMBERS[count] if count < len(_NUMBERS) else f"{count:,}"
    return f"{word} {singular if count == 1 else plural or singular + 's'}"


def listed(names: list[str] | tuple[str, ...]) -> str:
    """Join names as a, b and c."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
