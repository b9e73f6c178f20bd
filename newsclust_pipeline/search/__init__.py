"""The nearest neighbours of every document, and their symmetric sparse graph."""
