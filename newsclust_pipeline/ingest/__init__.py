"""Files and feeds → rows → articles."""
