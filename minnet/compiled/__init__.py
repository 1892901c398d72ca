"""Compiled code: twins of formulas, whole steps of dense networks, and predictions. It needs the extra "compiled"."""
