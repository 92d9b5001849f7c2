"""The one exception that tells a user what is wrong with their input."""

import unicodedata

LINE_BREAKING = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode's categories of characters that no name, path or sentence has: control, half of a surrogate pair, separators
of lines.
"""


class StudyError(ValueError):
    """Input that cannot be used: one clear sentence naming the file or key, what was found and what was expected.

    What it quotes, names of files and other libraries' messages, cannot break its line.
    """

    def __init__(self, sentence: str) -> None:
        sentence = " ".join(line.strip() for line in sentence.splitlines())
        super().__init__("".join(ascii(sign)[1:-1] if breaks_lines(sign) else sign for sign in sentence))


def breaks_lines(text: str) -> bool:
    """Whether a text holds characters that names, paths and sentences do not (`LINE_BREAKING`)."""
    return not LINE_BREAKING.isdisjoint(map(unicodedata.category, text))
