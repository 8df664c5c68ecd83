"""The dashboard: reads what runs left in files and shows it. It never writes, and imports no engine and no kind."""
