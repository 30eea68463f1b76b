"""The figures, a file for each kind."""
