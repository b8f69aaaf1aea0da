"""A list of people who withdraw, as it lies on a stick: one number a line. Pure.

It only narrows whom the box may call, so it counts whoever brings it and whatever is wrong with
the rest of the folder. A last line without its end may be half a number, which is somebody else's:
it is no number.
"""

from __future__ import annotations

from appliance.numbers import NumberRefused, read_number

MOST_LINES = 200_000


def read_withdrawals(raw: bytes, country: str, *, whole: bool) -> tuple[list[str], list[int]]:
    """Return the numbers (E.164) and the lines that are none.

    *whole* says that the file was read to its end. Empty lines and those that begin with ``#`` say
    nothing; of a line with several cells the first one counts.
    """
    numbers: list[str] = []
    unread: list[int] = []
    text = raw.decode("utf-8-sig", "replace")
    lines = text.splitlines(keepends=True)
    if len(lines) > MOST_LINES:
        unread.append(MOST_LINES + 1)
        lines = lines[:MOST_LINES]
    for place, line in enumerate(lines, 1):
        said = line.strip().split(";")[0].split(",")[0].strip().strip('"')
        if not said or said.startswith("#") or (place == 1 and said.casefold() == "number"):
            continue
        if not whole and place == len(lines) and not line.endswith(("\n", "\r")):
            unread.append(place)
            continue
        try:
            numbers.append(read_number(said[:64], country, fiction=True))
        except NumberRefused:
            unread.append(place)
    return list(dict.fromkeys(numbers)), unread
