"""The examples of the pages do what the pages say: run in a scratch box, compared with what was
written, but for hashes, random ids and times."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.examples import ROOT, examples, run, scratch_box, settled

pytestmark = pytest.mark.process

EXECUTED = ("docs/data-protection.md",)
"""Pages whose every example is run, in its order."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", EXECUTED)
def test_each_example_answers_as_the_page_says(page: str, tmp_path: Path) -> None:
    scratch_box(tmp_path)
    told = list(examples((ROOT / page).read_text(encoding="utf-8")))
    assert len(told) > 10
    for example in told:
        answer = run(example.command, tmp_path)
        assert settled(answer, tmp_path) == settled(example.answer), example.command
