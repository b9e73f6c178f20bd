"""What every stage may use: errors, atomic files, Arrow and Markdown helpers."""
