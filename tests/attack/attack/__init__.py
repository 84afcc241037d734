"""Attacks on a server of this machine, and what a well-behaved client sees meanwhile."""
