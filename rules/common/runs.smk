"""What happens when a run begins and ends: checks before anything is executed, and tidying up."""


def forget_unfinished_cohorts():
    """Remove the markers of cohorts whose jobs Snakemake has not seen end: it was killed, and they went on without it.

    It runs such jobs again, and leaves out what depends on their outputs where these are there and ancient (9.27.1).
    """
    if any(Path(".snakemake/locks").glob("*")):
        return  # of a run that is under way
    for marker in Path(R).glob("networks/*/*/.cohort*"):
        unfinished = Path(".snakemake/incomplete", urlsafe_b64encode(str(marker).encode()).decode())
        if unfinished.exists():
            marker.unlink()


def refuse_what_cannot_be_right():
    """Stop where results cannot be written, and where those that are there, and are to stay, are of other settings."""
    try:
        files.check_writable(Path(R))
        jobs = list(workflow.dag.jobs)
        provenance.check_dates(
            dict.fromkeys(file for job in jobs for file in job.input), Path(R)
        )  # many jobs share a file
        for job in jobs:
            if not workflow.dag.needrun(job):
                provenance.check_settings(job.output, Path(R), dict(job.params.items()))
    except StudyError as problem:
        raise WorkflowError(str(problem)) from None


def tell_what_is_left_out():
    """Name the exported networks that are not analysed, since they are the only ones of their groups that are there, and
    the conditions that the study names and that are not there.
    """
    if STUDY.alone:
        print(f"Left out, for no other of their group is there: {', '.join(map(str, STUDY.alone))}.", file=sys.stderr)
    for key, names in STUDY.absent_conditions.items():
        print(f"Left out of {key}, for there are no such networks: {', '.join(names)}.", file=sys.stderr)


def tidy_up():
    """Remove the training state of all networks that are published, and what killed jobs have left half-written."""
    from manyseeds.training.stores import tidy  # not needed to plan a run, and imports numpy

    tidy(Path(R, ".training"), Path(R, "networks"))
    files.remove_partial(Path(R))
