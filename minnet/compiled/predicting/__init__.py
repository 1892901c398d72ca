"""A model that only predicts, in less time."""
