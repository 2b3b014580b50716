"""What to do next with a job, as verbs tell it: a line or two under what came of it."""

from sql.jobs import Job


def lines(job: Job) -> list[str]:
    """The commands that go on from here; none where there is nothing to do."""
    name = str(job.id)[:8]
    if job.state == "rejected":
        told = ["The sender finds it in /reports."] if job.via == "sftp" else []
        return [
            f"The roster is as it was. What is wrong, by file and line: rosterhub job problems {name}",
            "What a code means and what to tell the sender: rosterhub explain CODE",
            *told,
        ]
    if job.state == "held" and job.approved_at is None:
        return [
            f"The roster is as it was. What it would change: rosterhub job diff {name}",
            f'Apply it: rosterhub job approve {name} --confirm {job.deleted} --reason "..."',
            f'Discard it: rosterhub job reject {name} --reason "..."',
        ]
    if job.state == "failed":
        return [f"Once what hindered it is gone: rosterhub job retry {name}"]
    if job.state == "applied" and job.kind == "rollback":
        return [f'The roster is as it was before. To undo that: rosterhub job rollback {name} --reason "..."']
    return []
