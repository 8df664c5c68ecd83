"""`python -m orchestrator` is the `orchestrate` command."""

from orchestrator.cli.main import main

main()
