"""Explanations: one step on one small example, layer by layer, with all its numbers."""
