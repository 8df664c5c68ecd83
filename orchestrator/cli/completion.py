"""What the shell completes: names of jobs and ids of runs, from the spec and the state directory where the person is.

Completion never complains: whatever can't be read has no names.
"""

from __future__ import annotations

from orchestrator.cli import project
from orchestrator.errors import OrchestrateError


def run_ids(incomplete: str) -> list[str]:
    """Return the runs whose id begins like that, newest first."""
    from orchestrator.status import read

    try:
        known = read.run_ids(project.find_state_dir(None, None))
    except OrchestrateError:
        return []
    return [run_id for run_id in known if run_id.startswith(incomplete)]


def job_names(incomplete: str) -> list[str]:
    """Return the jobs of jobs.yaml whose name begins like that, also of a file that isn't valid yet."""
    jobs = project.raw_spec(project.DEFAULT_SPEC).get("jobs")
    return [str(name) for name in jobs if str(name).startswith(incomplete)] if isinstance(jobs, dict) else []
