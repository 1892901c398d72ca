"""What reads files of strangers: a bounded reader, and an unpickler that runs nothing."""
