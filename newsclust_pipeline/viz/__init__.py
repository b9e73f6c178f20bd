"""Neighbours and stories → a map."""
