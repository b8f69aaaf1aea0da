"""Law profiles: one jurisdiction's calling rules each, as data that only narrows.

Not legal advice. Each rule in a profile carries its source, date and confidence; rules of low
confidence are advice to the operator and are never enforced.
"""

from appliance.law.ballot_notes import ballot_notes
from appliance.law.calendar import LawCalendar, RuleSpans, holiday_name
from appliance.law.caller import CallerVerdict, judge_caller
from appliance.law.place import Place, Places
from appliance.law.profile_file import load_profile, profile_names, read_profile
from appliance.law.rules import (
    Ballot,
    BallotRule,
    Caller,
    CallerRule,
    CapRule,
    Category,
    Confidence,
    Duty,
    EnforcedRule,
    HolidayRule,
    HoursRule,
    NumberRange,
    Profile,
    RestRule,
    Rule,
    Territory,
)

__all__ = [
    "Ballot",
    "BallotRule",
    "Caller",
    "CallerRule",
    "CallerVerdict",
    "CapRule",
    "Category",
    "Confidence",
    "Duty",
    "EnforcedRule",
    "HolidayRule",
    "HoursRule",
    "LawCalendar",
    "NumberRange",
    "Place",
    "Places",
    "Profile",
    "RestRule",
    "Rule",
    "RuleSpans",
    "Territory",
    "ballot_notes",
    "holiday_name",
    "judge_caller",
    "load_profile",
    "profile_names",
    "read_profile",
]
