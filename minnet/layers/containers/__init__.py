"""Layers made of layers: one after another, side by side, or any graph without a circle."""
