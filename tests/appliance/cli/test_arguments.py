"""Arguments beyond reason are a usage error, in words, before anything is begun."""

from __future__ import annotations

import pytest

from appliance.cli.main import main

BEYOND = ["9" * 5000, "-1", "nan", "inf", "1e999", "", "\udcff", "\x1b[2J"]


@pytest.mark.parametrize("value", BEYOND, ids=ascii)
@pytest.mark.parametrize(
    "command",
    [
        ["why", "+33639980012", "--at"],
        ["demo", "--contacts"],
        ["demo", "--lines"],
        ["demo", "--speed"],
        ["simulate", "--speed"],
        ["simulate", "--lines"],
        ["modem", "probe", "/dev/null", "--baudrate"],
        ["modem", "record", "/dev/null", "--listen"],
        ["watch", "--count"],
        ["ledger", "show", "--last"],
        ["ledger", "show", "--after"],
    ],
    ids=lambda words: " ".join(words[:3]),
)
def test_values_beyond_reason_are_usage_errors(
    command: list[str], value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        raise SystemExit(main([*command, value]))
    assert ended.value.code in (1, 2)
    told = capsys.readouterr().err
    assert told.strip()
    assert "Traceback" not in told
    assert "\x1b" not in told


@pytest.mark.parametrize("year", ["0001", "1999", "2200", "9999"])
def test_a_year_of_no_calendar_is_a_usage_error(
    year: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["why", "+33639980012", "--at", f"{year}-01-01T00:00:00+14:00"])
    assert ended.value.code == 2
    assert "2000 to 2199" in capsys.readouterr().err
