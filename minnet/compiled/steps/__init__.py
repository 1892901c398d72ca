"""Whole steps of dense networks, many in a call."""
