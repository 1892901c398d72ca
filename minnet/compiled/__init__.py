"""Compiled: the steps and predictions of small networks, as compiled code. Needs the extra "compiled"."""
