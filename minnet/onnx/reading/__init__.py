"""Reading ONNX files, which may be a stranger's: what is in them, and the layers that compute the same."""
