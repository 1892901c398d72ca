"""Inspection: looking at a model: gradient and layer checks, summaries."""
