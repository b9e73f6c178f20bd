"""Checks of the assets. Those that block stop a run before it publishes broken data."""

from newsclust_pipeline.defs.checks import arrivals, feeds, integrity, schema
from newsclust_pipeline.defs.checks.check import Check

CHECKS: list[Check] = [*feeds.CHECKS, *arrivals.CHECKS, *integrity.CHECKS, *schema.CHECKS]


def checks_of(asset: str) -> list[Check]:
    """Return the checks of an asset, in their order."""
    return [check for check in CHECKS if check.asset == asset]
