"""A sandbox is a process in which a stranger's file runs, with as little of the machine in it as the system allows."""
