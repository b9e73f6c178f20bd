"""Graph → labels, and figures that say how good they are."""
