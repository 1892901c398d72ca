"""A remote layer lives in another process: only what it computes is asked for, over a socket, and judged here."""
