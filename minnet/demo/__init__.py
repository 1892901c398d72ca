"""A page on which a digit is drawn, and read by a model of one matrix: ``python -m minnet.demo``."""
