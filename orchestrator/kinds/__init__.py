"""Kinds of jobs: each folder here is one, found by discovery. Kinds know neither the engine nor each other."""
