"""Layers of images, and of signals and volumes: convolution, pooling, borders and sizes."""
