"""How a status reads on a narrow terminal."""

from __future__ import annotations

from appliance.screen.status import folded

TEXT = """\
box      demo-box, automatic, bench
calls    34 made: busy 3, declined 2, failed 2, listened 12, no_answer 1, opted_out 1
ledger   row 169, head 0de68a10a753f23e"""


def test_rows_fold_below_their_words_and_counts_stay_with_their_names() -> None:
    assert folded(TEXT, 62).splitlines() == [
        "box      demo-box, automatic, bench",
        "calls    34 made: busy 3, declined 2, failed 2, listened 12,",
        "         no_answer 1, opted_out 1",
        "ledger   row 169, head 0de68a10a753f23e",
    ]


def test_a_wide_terminal_changes_nothing() -> None:
    assert folded(TEXT, 120) == TEXT


def test_a_terminal_that_tells_no_width_gets_words_all_the_same() -> None:
    assert folded(TEXT, 0).split() == TEXT.split()
