"""Sentences of failed jobs, from one run to its last lines."""

from manyseeds.io import failures


def test_the_last_different_sentences_of_a_run_are_repeated_in_order(tmp_path):
    (tmp_path / "logs").mkdir()
    assert failures.last(tmp_path) == []
    for sentence in ("a: one", "b: two\n lines", "c: three", "b: two lines"):
        failures.note(tmp_path, sentence)
    assert failures.last(tmp_path) == ["c: three", "b: two lines"]
    failures.forget(tmp_path)
    failures.forget(tmp_path)
    assert failures.last(tmp_path) == []


def test_a_folder_that_cannot_be_written_loses_the_sentence_and_nothing_else(tmp_path):
    failures.note(tmp_path / "nowhere", "a: one")
    assert failures.last(tmp_path / "nowhere") == []
