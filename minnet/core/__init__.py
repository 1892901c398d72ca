"""Core: what everything else is made of: arrays and their checks, Parameters, and the Layer."""
