"""Layers that give numbers a mean of 0 and a variance of 1, each over other numbers."""
