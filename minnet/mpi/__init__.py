"""Training on several processes, or several machines, that MPI connects."""
