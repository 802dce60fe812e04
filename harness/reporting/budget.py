"""How much of what models said a page has room for."""

from dataclasses import dataclass

from harness.reporting.escape import exact, visible
from harness.reporting.model import Excerpt

PAGE_BYTES = 1_200_000
"""For all model text of a page, as it stands in HTML."""
TEXT_BYTES = 20_000
"""For one text."""


@dataclass(slots=True, kw_only=True)
class PageBudget:
    """What is left of a page for model text. Worst cases come first, so they get theirs."""

    left: int = PAGE_BYTES

    def excerpt(self, text: str, *, most: int = TEXT_BYTES, times: str = "", hidden: bool = False) -> Excerpt:
        """Cut `text` to `most` bytes and to what the page has left; `hidden` writes all invisible characters out."""
        show = exact if hidden else visible
        kept = text[:most]
        shown = show(kept)
        while (size := len(shown.encode())) > most or html_bytes(shown) > max(self.left, 0):
            room = min(most / size, max(self.left, 0) / html_bytes(shown))
            kept = kept[: int(len(kept) * min(room, 0.95))]
            shown = show(kept)
        self.left -= html_bytes(shown)
        return Excerpt(text=shown, characters_left_out=len(text) - len(kept), times=times)


def html_bytes(text: str) -> int:
    """Count the bytes that `text` takes as escaped HTML."""
    return len(text.encode("utf-8", "replace")) + sum(4 * text.count(char) for char in "&<>'\"")
