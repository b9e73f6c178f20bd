"""Everything that Dagster needs: assets, checks, resources, IO managers, automation."""
