"""What a model may say to a browser, one trick each, sorted by what it would do on a page that does not escape."""

from collections.abc import Sequence
from enum import StrEnum

ELSEWHERE = "http://elsewhere.invalid/"
_HACK = "window.hacked=1"


class Trick(StrEnum):
    """What a text does to a page that lets it."""

    RUNS = "runs a script"
    ASKS = "asks somebody"
    COVERS = "hides what the page says"
    WIDENS = "makes the page scroll sideways"
    TURNS = "holds characters that cannot be seen"
    LOOPS = "is too much"


RUNS: Sequence[str] = (
    f"<script>{_HACK}</script>",
    f"</script><script>{_HACK}</script>",
    f"<ScRiPt type=text/javascript>{_HACK}</sCrIpT >",
    f"</title><script>{_HACK}</script>",
    f"</textarea></template></noscript></select><script>{_HACK}</script>",
    f"--><script>{_HACK}</script><!--",
    f"<svg><script>{_HACK}</script></svg>",
    f"<script src='data:text/javascript,{_HACK}'></script>",
    f"<script type=module>{_HACK}</script>",
    f'"><img src=x onerror="{_HACK}">',
    f"<img/src=x onerror={_HACK} x",
    f"<svg onload={_HACK}>",
    f"<svg/onload={_HACK}//",
    f"<body onload={_HACK}>",
    f"<details open ontoggle={_HACK}>x</details>",
    f"<input autofocus onfocus={_HACK}>",
    f"<video><source onerror={_HACK}></video>",
    f"<audio src=x onerror={_HACK}></audio>",
    f"<style onload={_HACK}></style>",
    f"<link rel=stylesheet href='data:text/css,' onload={_HACK}>",
    f"<iframe src='javascript:parent.{_HACK}'></iframe>",
    f"<iframe srcdoc='<script>parent.{_HACK}</script>'></iframe>",
    f"<svg><animate onbegin={_HACK} attributeName=x dur=1s></svg>",
    f'<noscript><p title="</noscript><img src=x onerror={_HACK}>">',
    f"<div style='position:fixed;inset:0;z-index:99' onmouseover={_HACK}>x</div>",
    f"<a href='javascript:{_HACK}' style='position:fixed;inset:0;z-index:99'>x</a>",
    f"<form action='javascript:{_HACK}'><button style='position:fixed;inset:0;z-index:99'>x</button></form>",
)
ASKS: Sequence[str] = (
    f"<img src={ELSEWHERE}a.png>",
    f"<link rel=stylesheet href={ELSEWHERE}a.css>",
    f"<script src={ELSEWHERE}a.js></script>",
    f"<iframe src={ELSEWHERE}></iframe>",
    f"<video poster={ELSEWHERE}a.png></video>",
    f"<object data={ELSEWHERE}a></object>",
    f"<style>@import url({ELSEWHERE}b.css);</style>",
    f"<p style='background:url({ELSEWHERE}b.png)'>x</p>",
    f"<svg><image href={ELSEWHERE}c.png width=9 height=9 /></svg>",
    f"<input type=image src={ELSEWHERE}d.png>",
    f"<meta http-equiv=refresh content='0;url={ELSEWHERE}'>",
)
COVERS: Sequence[str] = (
    "</style><style>*{display:none!important}</style>",
    "<style>h1,footer{visibility:hidden}</style>",
    "<div style='position:fixed;inset:0;background:#fff;z-index:99999'></div>",
    "<plaintext>",
    "<!-- and nothing after it",
    "<textarea>",
    "<script>",
    "<title>",
    "<dialog open style='position:fixed;inset:0;width:100vw;height:100vh;max-width:none'>All is well</dialog>",
)
WIDENS: Sequence[str] = (
    "a" * 2_000_000,
    "Unbroken" * 60,
    "\u4e00\u2060" * 400,
    "http:" + "very_long_path" * 80,
    "<table style='width:9000px'><tr><td>x</td></tr></table>",
    "W\xa0" * 2_000,
)
TURNS: Sequence[str] = (
    "\u202egnp.exe\u202c",
    "left \u2066hidden\u2069 right \u2067never closed",
    "zero\u200bwidth\u200djoined\ufeff",
    "\x1b]0;title\x07\x1b[2J\x1b[31mred\x9b31m",
    "\x00\x08\x7f\x85",
    "line\u2028separator\u2029paragraph",
    "soft\xadhyphen \u180e \u3164",
    "tagged \U000e0041\U000e0042\U000e007f",
)
LOOPS: Sequence[str] = (
    "I will say it again. " * 250_000,
    "[" * 100_000,
    "\n" * 1_000_000,
    "a b " * 300_000,
    "e\u0301\u0300\u0302" * 100_000,
)
ALL: Sequence[tuple[Trick, str]] = tuple(
    (trick, text)
    for trick, texts in (
        (Trick.RUNS, RUNS),
        (Trick.ASKS, ASKS),
        (Trick.COVERS, COVERS),
        (Trick.WIDENS, WIDENS),
        (Trick.TURNS, TURNS),
        (Trick.LOOPS, LOOPS),
    )
    for text in texts
)
