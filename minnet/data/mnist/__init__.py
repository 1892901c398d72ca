"""MNIST: its files read, found or downloaded, and synthetic digits where there are none."""
