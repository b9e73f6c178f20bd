"""Alerts: mail and chat messages about runs that fail, and the digest of runs that do not."""
