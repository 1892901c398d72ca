"""Saving: models and runs in files, and back."""
