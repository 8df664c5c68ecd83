"""Readers: what decodes the answers of boards and makes rows of them, in this process (`here`) or in others (`pool`).

A company's list is read by one `Reading`: it says what is asked next, and takes the answer as it came. It never sees the
network, and whoever asks never sees what an answer says. So it doesn't matter where it runs.
"""
