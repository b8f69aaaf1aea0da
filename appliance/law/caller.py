"""The numbering gate: which numbers an automated calling system may show to the callee."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.law.rules import Caller, CallerRule, Category, NumberRange
from appliance.numbers import NumberClass, number_class
from firmware.wording import worded


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerVerdict:
    """Whether the declared caller number may be shown, and why, in one sentence."""

    allowed: bool
    reason: str


def judge_caller(
    rule: CallerRule, caller: Caller | None, *, attended: bool, bench: bool
) -> CallerVerdict:
    """Judge the declared caller number under *rule*.

    A number and a category that contradict each other are refused: one of them is wrong. On a
    bench a number reserved for fiction stands for one of its declared category, unless its own
    range names a category (fiction mobile numbers are mobile numbers).
    """
    if attended:
        return CallerVerdict(
            allowed=True,
            reason=worded("Each call is commanded by a person, so no system calls by itself."),
        )
    if caller is None:
        return CallerVerdict(
            allowed=False, reason=worded("The SIM's own number and its category are not declared.")
        )
    if number_class(caller.number) is NumberClass.FICTION:
        return _judge_fiction(rule, caller, bench=bench)
    if caller.category is Category.FICTION:
        return CallerVerdict(
            allowed=False,
            reason=worded("The caller number is declared as fiction, but it is a real one."),
        )
    allowed = _category(rule.allowed, caller.number)
    if allowed is None:
        known = _category(rule.barred, caller.number) or caller.category
        return CallerVerdict(
            allowed=False,
            reason=worded(
                "Automated calls may not come from a {known} number such as the SIM's.",
                known=known.value,
            ),
        )
    if allowed is not caller.category:
        return CallerVerdict(
            allowed=False,
            reason=worded(
                "The caller number is declared as {category}, but its range is {allowed}.",
                category=caller.category.value,
                allowed=allowed.value,
            ),
        )
    return CallerVerdict(
        allowed=True,
        reason=worded(
            "The caller number's range ({allowed}) is open to such calls.", allowed=allowed.value
        ),
    )


def _judge_fiction(rule: CallerRule, caller: Caller, *, bench: bool) -> CallerVerdict:
    if not bench:
        return CallerVerdict(
            allowed=False, reason=worded("The declared caller number is reserved for fiction.")
        )
    by_range = _category(rule.barred, caller.number)
    if by_range is Category.MOBILE and caller.category is not Category.FICTION:
        return CallerVerdict(
            allowed=False, reason=worded("Automated calls may not come from a mobile number.")
        )
    lawful = {allowed.category for allowed in rule.allowed} | {Category.FICTION}
    if caller.category in lawful:
        return CallerVerdict(
            allowed=True,
            reason=worded("On this bench a fiction number stands for a lawful caller number."),
        )
    return CallerVerdict(
        allowed=False,
        reason=worded(
            "Automated calls may not come from a {category} number.", category=caller.category.value
        ),
    )


def category_of(rules: Sequence[CallerRule], number: str) -> Category:
    """Return what the range of *number* (E.164) is; of one that no rule knows, mobile."""
    if number_class(number) is NumberClass.FICTION:
        return Category.FICTION
    ranges = tuple(entry for rule in rules for entry in (*rule.allowed, *rule.barred))
    return _category(ranges, number) or Category.MOBILE


def _category(ranges: tuple[NumberRange, ...], number: str) -> Category | None:
    """Return the category of the longest matching prefix."""
    best: tuple[int, Category] | None = None
    for entry in ranges:
        for prefix in entry.prefixes:
            if number.startswith(prefix) and (best is None or len(prefix) > best[0]):
                best = (len(prefix), entry.category)
    return None if best is None else best[1]
