"""Checks before a run, and tidying up after it."""


def unfinished_outputs():
    """Yield the outputs of jobs that Snakemake has begun and not seen end, from the names of its records."""
    records = Path(".snakemake/incomplete")
    for place, _, names in os.walk(records):
        for name in names:
            # The path in base64. A long one is cut into folders, which have an @ before their names.
            parts = Path(place, name).relative_to(records).parts
            with suppress(ValueError):
                yield urlsafe_b64decode("".join(part.removeprefix("@") for part in parts)).decode()


def forget_unfinished_cohorts():
    """Remove the markers of training jobs whose end Snakemake has not seen: it was killed, and they went on without it.

    Snakemake 9.27.1 runs such jobs again, but leaves out the jobs that depend on their ancient outputs.
    """
    if any(Path(".snakemake/locks").glob("*")):
        return  # another run is under way
    markers = set(map(str, Path(R).glob("networks/*/*/seed*/.cohort")))
    for marker in markers.intersection(unfinished_outputs()):
        Path(marker).unlink()


def refuse_what_cannot_be_right():
    """Stop if results cannot be written, or if kept results were made with other settings."""
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


def tell_what_is_not_obvious():
    """Name what the study leaves out, ignores or decides by itself. A dry run does not call `onstart`."""
    if workflow.is_main_process:
        # In a module, these are the keys of the outer workflow. Their names can be those of ours by chance.
        is_main = workflow.modifier.is_main_snakefile()
        given = workflow.config_settings.overwrite_config if is_main else ()
        for sentence in filter(None, [*notices(STUDY, given), catalogue.unshown_note(STUDY)]):
            print(sentence, file=sys.stderr)


def refuse_wrong_activations():
    """Check the headers of the user's own activations, while the study is planned."""
    if not workflow.is_main_process or STUDY.mode != OWN_ACTIVATIONS:
        return
    from manyseeds.exchange.user_activations import check_headers  # imports pandas, which other studies do not need

    arrays = [path for by_epoch in STUDY.own_arrays.values() for paths in by_epoch.values() for path in paths]
    try:
        notes = check_headers(arrays, Path(STUDY.config["activations_dir"], STIMULI))
    except StudyError as problem:
        raise WorkflowError(str(problem)) from None
    for note in notes:
        print(note, file=sys.stderr)


def refuse_wrong_outside():
    """Check the RDMs from outside, while the study is planned."""
    if not workflow.is_main_process or not STUDY.outside_files:
        return
    from manyseeds.exchange.outside_matching import check_files  # imports scipy, which other studies do not need

    try:
        remarks = check_files(STUDY)
    except StudyError as problem:
        raise WorkflowError(str(problem)) from None
    for remark in remarks:
        print(remark, file=sys.stderr)


def refuse_wrong_target():
    """Check the folder of images that networks learn, while the study is planned, unless its images are packed."""
    if not workflow.is_main_process or STUDY.transfer_root is None or Path(TARGET_FILES["card"]).exists():
        return
    from manyseeds.data.image_folder import check_image_folder  # imports numpy, which other studies do not need

    try:
        check_image_folder(Path(STUDY.transfer_root), "Config key transfer.target.root")
    except (StudyError, OSError) as problem:
        raise WorkflowError(str(problem)) from None


HIDDEN_BY_BARS = {
    None,
    LogEvent.JOB_INFO,
    LogEvent.GROUP_INFO,
    LogEvent.JOB_STARTED,
    LogEvent.JOB_FINISHED,
    LogEvent.PROGRESS,
    LogEvent.RESOURCES_INFO,
}
"""Events of Snakemake's log that bars replace on the terminal, if they are no warnings. None: lines without an event."""


def show_bars():
    """Show bars instead of the files of each job, if the run is watched on a terminal. The log keeps all lines."""
    global hide_bars
    handler = next((each for each in logger.handlers if each.name == "DefaultStreamHandler"), None)
    settings = workflow.output_settings
    is_quiet = any(each.name == "ALL" for each in settings.quiet or ())
    if handler is None or settings.verbose or is_quiet or not live.is_watched(handler.stream):
        return
    dag = workflow.dag
    bars = live.Bars(handler.stream, Path(R), sum(1 for job in dag.jobs if dag.needrun(job)))

    def is_shown(record):
        event = getattr(record, "event", None)
        if event == LogEvent.PROGRESS:
            bars.count(record.done, record.total)
        return not (bars.is_shown and record.levelno <= logging.INFO and event in HIDDEN_BY_BARS)

    handler.addFilter(is_shown)
    handler.stream = bars
    hide_bars = bars.stop
    atexit.register(bars.stop)
    bars.start()


def hide_bars():
    """Remove the bars, if there are any."""


def tell_what_mostly_failed():
    """Name the groups of which most networks were rejected."""
    from manyseeds.training.outcomes import mostly_rejected  # imports pandas, which planning a run does not need

    attempts = {
        group: {seed: Path(R, "networks", *group, f"seed{seed}", "attempts.parquet") for seed in STUDY.seeds(*group)}
        for group in STUDY.groups
    }
    for sentence in mostly_rejected(attempts):
        print(sentence, file=sys.stderr)


def tidy_up():
    """Remove the training state of all published networks, and half-written files of killed jobs."""
    from manyseeds.kernels.transferred import trained  # imports numpy, which planning a run does not need
    from manyseeds.training.stores import clear, tidy

    tidy(Path(R, ".training"), Path(R, "networks"))
    tidy(Path(R, ".finetuning"), Path(R, "variants"), "*/*/seed*/finetuned_*.safetensors")
    clear(Path(R, ".transfer"), trained(Path(R, "predictions")))
    files.remove_partial(Path(R))
    failures.forget(Path(R))


def tell_results():
    """Say where figures and tables are, what they show, and what was left out: from tables that are up to date."""
    from manyseeds.results import closing_lines  # imports pandas, which planning a run does not need

    made = {file for job in workflow.dag.jobs for file in job.output}
    told = ("instances", "consistency_summary", "howmany_answer", "sources", "outside_summary", "outside_conclusions")
    names = [name for name in told if f"{R}/tables/{name}.parquet" in made]
    for line in closing_lines(Path(R), names):
        print(line, file=sys.stderr)


def tell_failures():
    """Repeat the sentences of the jobs that failed: Snakemake's own lines come between them and the end of a run."""
    print(
        "A job failed. The reason is above, and in the log named there. Finished work is kept: run the same command again.",
        file=sys.stderr,
    )
    print(*failures.last(Path(R)), file=sys.stderr)


def summarise_dry_run():
    """Leave single jobs out of a dry run's report, unless it is verbose. Their numbers by rule stay, once."""
    if not workflow.modifier.is_main_snakefile() or workflow.output_settings.verbose:
        return
    counted = []

    def is_shown(record):
        event = getattr(record, "event", None)
        # Asked here, because a filter is added before it is known whether the run is dry.
        if event not in (LogEvent.JOB_INFO, LogEvent.RUN_INFO) or not workflow.dryrun:
            return True
        counted.append(event)
        return event == LogEvent.RUN_INFO and counted.count(event) == 1

    logger.addFilter(is_shown)
