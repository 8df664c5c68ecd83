"""What happened: the status file, the journal, and how they are read. No threads, no heavy import.

Nothing here writes, but for `rebuild`, once a run is over.
"""
