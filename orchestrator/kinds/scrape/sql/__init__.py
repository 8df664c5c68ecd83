"""The database as a run uses it: constant statements by name, compiled ahead for SQLite, on the driver's own connection."""
