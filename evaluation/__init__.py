"""Measures scorers on labelled days, with the code that the functions run."""
