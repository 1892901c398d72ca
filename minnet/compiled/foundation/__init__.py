"""What compiled code is made of: how it is compiled, BLAS, vector math, loops over rows."""
