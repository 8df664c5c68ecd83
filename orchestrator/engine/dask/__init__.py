"""Units on the workers of a Dask cluster: the parent's side (`pool`), the worker's side (`worker`), and what goes between."""
