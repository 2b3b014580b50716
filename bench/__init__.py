"""Figures of speed: each is a ratio to a floor measured in turn in the same run, on the same server."""
