"""What is wanted: models of jobs.yaml, loading with positions, problems and their renderers, the JSON Schema."""
