"""Grading: what an exercise's answer lacks, said to its author; and a class of files, each in a process of its own."""
