"""The command line: one file per group of verbs. The only place that prints and exits."""
