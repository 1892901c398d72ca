"""Files that PyTorch wrote, read without PyTorch, and without running anything that is in them."""
