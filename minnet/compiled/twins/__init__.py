"""Twins of formulas, a family a file."""
