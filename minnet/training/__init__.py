"""Training: the Trainer, its loop, and what watches over it."""
