"""Thin a project's runs."""

from harness.edges.stores.runs import THINNED
from harness.edges.stores.thinning import Thinned, thin_run
from harness.wiring.workshop import Workshop

__all__ = ["THINNED", "Thinned", "thin"]


def thin(workshop: Workshop, run: str, *, dry_run: bool) -> Thinned:
    """Thin one run's folder. Raises SetupError for links, MeasurementError."""
    return thin_run(workshop.project.reports / run, workshop.project.root, dry_run=dry_run)
