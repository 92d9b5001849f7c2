"""The exception for errors in the user's input."""

import unicodedata

LINE_BREAKING = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode categories of the characters that no name, path or sentence may hold.

They are control characters, halves of surrogate pairs, and separators of lines and paragraphs.
"""


class StudyError(ValueError):
    """Unusable input: one sentence names the file or key, what was found and what was expected.

    The sentence stays on one line, even if it quotes a file name or a message that has line breaks.
    """

    def __init__(self, sentence: str) -> None:
        sentence = " ".join(line.strip() for line in sentence.splitlines())
        super().__init__("".join(ascii(sign)[1:-1] if breaks_lines(sign) else sign for sign in sentence))


def breaks_lines(text: str) -> bool:
    """Return whether a text holds a character of one of the categories in `LINE_BREAKING`."""
    return not LINE_BREAKING.isdisjoint(map(unicodedata.category, text))
