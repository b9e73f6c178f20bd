"""The work itself, in plain Python: no Dagster in here, so every stage runs in a notebook too."""
