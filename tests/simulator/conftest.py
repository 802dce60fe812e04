"""A small book of answers, and questions from it."""

from pathlib import Path

import pytest

from harness.simulator.answers import AnswerBook, make_book, read_answers


@pytest.fixture(scope="session")
def book() -> AnswerBook:
    path = Path(__file__).with_name("answers.json")
    return make_book({path.name: read_answers(path.read_text("utf-8"), path.name)})
