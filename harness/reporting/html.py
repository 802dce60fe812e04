"""One self-contained page: opens from disk, asks nobody for anything, and is the same bytes for the same run."""

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from harness.core.run import RunRecord
from harness.core.verdict import Verdict
from harness.reporting.counting import many, many_in_words
from harness.reporting.drawing import (
    TONES,
    MarkRow,
    axis,
    icon,
    key,
    logo,
    mark_rows,
    matrix,
    nights,
    proof,
    sprite,
    strip,
)
from harness.reporting.escape import visible
from harness.reporting.model import ReplyProof, ReportView, SignalProof, Status
from harness.reporting.sparks import lane, mark, spark
from harness.reporting.upgrade_drawing import forest, ratio_strip, upgrade_key
from harness.reporting.upgrade_model import UpgradeReport
from harness.reporting.view import make_view

_CSS_CLASSES = {
    "stop": "unk",
    "warn": "unk",
    "acc": "note",
    "wait": "note",
    "base": "note",
    "open": "unk",
    "ok": "good",
}
_PAGE_TONES = {
    Status.REGRESSED: "bad",
    Status.PLAIN: "bad",
    Status.CHANGED: "chg",
    Status.REFUSED: "unk",
    Status.NOT_ACCEPTED: "note",
    Status.MOVED: "chg",
    Status.NOT_EVALUATED: "unk",
    Status.OPEN: "unk",
    Status.STALE: "unk",
    Status.INCONCLUSIVE: "unk",
    Status.AWAITING: "note",
    Status.NO_BASELINE: "note",
    Status.LEARNING: "note",
    Status.WARNED: "unk",
    Status.ACCEPTED: "note",
    Status.IMPROVED: "plain",
    Status.STABLE: "plain",
}
_OPTION = re.compile(r'--\S+(?: (?!--)(?:"[^"]*"|\S+))?|\S+')


def render(record: RunRecord, verdict: Verdict) -> str:
    """Render a run and its verdict as one HTML page of less than 2 MB."""
    return render_view(make_view(record, verdict))


def render_view(view: ReportView) -> str:
    """Lay out a view that is already decided."""
    style, script, page = _resource("style.css"), _resource("report.js"), "report.html.j2"
    if isinstance(view, UpgradeReport):
        style, page = f"{style}\n{_resource('upgrade.css')}", "upgrade.html.j2"
    rows = [row for tile in view.tiles for row in tile.rows]
    return (
        _environment()
        .get_template(page)
        .render(
            v=view,
            tone="good" if view.complete else _PAGE_TONES[view.status],
            style=_own(style),
            script=_own(script),
            style_hash=_hash(style),
            script_hash=_hash(script),
            sprite=sprite(),
            logo=logo(),
            names=_name_width(view),
            floors=any(tile.scale.ticks for tile in view.tiles),
            confirmed=any(row.confirmation is not None for row in rows),
            lost=any(target.status is Status.INCONCLUSIVE for target in view.targets),
            failed=many(_failed(view), "call"),
            unmeasured=any(row.tonight is None for row in rows),
            queue_title=many_in_words(len(view.queue) + view.queue_left_out, view.nouns.case) + " to look at",
        )
        .strip()
        + "\n"
    )


def lay_out(template: str, **parts: object) -> str:
    """Lay out another page of the same parts: its style with the hash that its policy needs, icons and logo."""
    style = _resource("style.css")
    page = _environment().get_template(template)
    made = page.render(style=_own(style), style_hash=_hash(style), sprite=sprite(), logo=logo(), **parts)
    return made.strip() + "\n"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_resource),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        axis=axis,
        css=_css,
        forest=forest,
        glyph=_glyph,
        icon=icon,
        key=key,
        lane=lane,
        matrix=matrix,
        nights=nights,
        options=_options,
        proof=_signal_proof,
        ratio_strip=ratio_strip,
        reply_proof=_reply_proof,
        show=visible,
        spark=spark,
        strip=strip,
        trend_mark=mark,
        upgrade_key=upgrade_key,
    )
    return environment


@cache
def _resource(name: str) -> str:
    text = files("harness.reporting").joinpath("templates", name).read_text(encoding="utf-8")
    if not name.endswith(".css"):
        return text
    return re.sub(r"\n\s*", "\n", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)).strip()


def _name_width(view: ReportView) -> str:
    """Choose how much room target names have beside the strips; a single one needs none."""
    longest = max((len(target.name) for target in view.targets), default=0)
    if len(view.targets) == 1:
        return "solo"
    return "" if longest <= 6 else "medium" if longest <= 11 else "wide"


def _failed(view: ReportView) -> int:
    return sum(row.calls for row in view.failures if row.failed)


def _own(text: str) -> Markup:
    return Markup(text)  # noqa: S704  the package's own stylesheet and script, hashed in the policy


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _glyph(status: str, complete: bool = False) -> str:  # noqa: FBT001, FBT002  called from templates
    return "ok" if complete else TONES[Status(status)]


def _css(status: str, complete: bool = False) -> str:  # noqa: FBT001, FBT002  called from templates
    name = _glyph(status, complete)
    return _CSS_CLASSES.get(name, name)


def _options(tail: str) -> list[str]:
    """Cut a command where it may break: between options, never inside one."""
    return _OPTION.findall(tail)


def _signal_proof(drawn: SignalProof) -> Markup:
    return proof(drawn.row, drawn.scale, drawn.tonight_text, drawn.floor_text, drawn.confirm_text)


def _reply_proof(drawn: ReplyProof) -> Markup:
    rows = []
    if drawn.reference:
        rows.append(MarkRow(name=drawn.reference_text, marks=drawn.reference, candidate=False))
    if drawn.between:
        rows.append(MarkRow(name=drawn.between_text, marks=drawn.between, candidate=False))
    rows.append(MarkRow(name=drawn.candidate_text, marks=drawn.candidate, candidate=True))
    return mark_rows(rows, drawn.label)


# Compiled as the module is loaded: that is while the answers are on their way, and rendering is when somebody waits.
for _name in ("macros.html.j2", "report.html.j2"):
    _environment().get_template(_name)
