"""What happened: the status file, the journal, and how they are read. No threads, no heavy import, no writer but the run."""
