"""One static page over many nights: no script, no request, and the same bytes for the same nights."""

from harness.reporting.dashboard_drawing import calendar, key, lane, line, squares
from harness.reporting.dashboard_model import DashboardSource, DashboardView
from harness.reporting.dashboard_trends import NAMES
from harness.reporting.dashboard_view import dashboard_view
from harness.reporting.html import lay_out


def render_dashboard(source: DashboardSource) -> str:
    """Render the page; under 2 MB for a year of two targets."""
    return render_view(dashboard_view(source))


def render_view(view: DashboardView) -> str:
    """Lay out a page that is already decided."""
    drawings = {"key": key, "calendar": calendar, "lane": lane, "line": line, "squares": squares}
    return lay_out("dashboard.html.j2", v=view, names=NAMES, **drawings)
