"""What the pipeline survives: trials by group, with the same inputs every time."""
