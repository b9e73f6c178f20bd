"""One script per question, peers side by side in one run; see `make bench`."""
