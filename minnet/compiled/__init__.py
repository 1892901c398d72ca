"""Training steps and predictions of small networks by compiled code. They need the extra "compiled"."""
