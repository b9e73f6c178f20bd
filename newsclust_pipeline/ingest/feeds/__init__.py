"""Feeds → new items → one JSON Lines file a day, which is read like any other dump."""
