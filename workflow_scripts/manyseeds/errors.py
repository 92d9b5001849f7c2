"""The one exception that tells a user what is wrong with their input."""


class StudyError(ValueError):
    """Input that cannot be used: one clear sentence naming the file or key, what was found and what was expected."""
