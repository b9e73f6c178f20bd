"""Labels → stories with names, identity and history."""
