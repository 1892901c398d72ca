"""Activations bend each number by itself, or gate one half of the numbers with the other."""
