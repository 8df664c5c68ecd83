"""How it runs: preparing a run, pools, attempts, supervision, recording, resuming. Knows no kind by name."""
