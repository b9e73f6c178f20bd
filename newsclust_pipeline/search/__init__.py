"""Vectors → nearest neighbours → a symmetric sparse graph."""
