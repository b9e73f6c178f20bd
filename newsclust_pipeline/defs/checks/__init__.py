"""Checks of the assets. Those that block stop a run before it builds on broken data."""

from newsclust_pipeline.defs.checks import arrivals, integrity

CHECKS = [*arrivals.CHECKS, *integrity.CHECKS]
