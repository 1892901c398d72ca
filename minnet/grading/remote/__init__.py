"""A remote layer lives in another process: what it computes is asked for over a socket, and nothing else of it is believed."""
