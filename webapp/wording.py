"""The words for what happens in an import: closed sets, each member with its sentence. Words only, no markup."""

from typing import NamedTuple

from webapp.chartmogul.records import Doubt, Refusal
from webapp.models import ImportState, Reason


class Look(NamedTuple):
    """A state as people see it, the same everywhere."""

    words: str
    tone: str
    icon: str


class Cause(NamedTuple):
    """Why an import failed or waits: what happened, what to do, and the words of the link to the connection."""

    title: str
    advice: str
    link: str | None = None


class Trouble(NamedTuple):
    """What was odd about a record: in one line, and what to do about it."""

    title: str
    advice: str


STATES = {
    ImportState.WAITING: Look("Waiting", "info", "clock"),
    ImportState.RUNNING: Look("Running", "info", "loader"),
    ImportState.CANCELLING: Look("Cancelling…", "info", "loader"),
    ImportState.DONE: Look("Done", "ok", "circle-check"),
    ImportState.PARTLY_DONE: Look("Partly done", "warn", "circle-alert"),
    ImportState.FAILED: Look("Failed", "bad", "circle-x"),
    ImportState.CANCELLED: Look("Cancelled", "", "circle-slash"),
}
STEPS = {
    "check_key": "Check the API key",
    "customers": "Read customers",
    "movements": "Read movements",
    "match": "Match customers",
    "subscriptions": "Read subscriptions",
    "properties": "Fill properties",
    "scores": "Recalculate scores",
}
STEP_STATES = {
    "waiting": Look("waiting", "", "clock"),
    "running": Look("running", "info", "loader"),
    "done": Look("done", "ok", "circle-check"),
    "partly": Look("partly done", "warn", "circle-alert"),
    "failed": Look("failed", "bad", "circle-x"),
    "stopped": Look("stopped", "", "circle-slash"),
    "left out": Look("not begun", "", "circle-slash"),
}

_AGAIN = "If it happens again, tell support the number of this import."
_GOES_ON = "Retry in a while: the import goes on where it stopped."
CAUSES = {
    Reason.KEY_REFUSED: Cause(
        "ChartMogul refused the API key",
        "The key was revoked or rotated, or its access level is no longer Read-only or higher.",
        "Replace the API key",
    ),
    Reason.KEY_MISSING: Cause(
        "The stored API key is missing",
        "The secret store no longer holds the key of this connection.",
        "Replace the API key",
    ),
    Reason.OTHER_ACCOUNT: Cause(
        "The API key opens another ChartMogul account",
        "Data of two accounts is never mixed, so nothing was read with it. Use a key of the connected account.",
        "Replace the API key",
    ),
    Reason.BUSY: Cause(
        "ChartMogul asked us to slow down",
        f"Its rate limit was reached, also after waiting. {_GOES_ON}",
    ),
    Reason.UNAVAILABLE: Cause(
        "ChartMogul did not answer",
        f"It was out of reach or too slow, also when asked again. {_GOES_ON}",
    ),
    Reason.BROKEN_ANSWER: Cause(
        "ChartMogul sent an answer that cannot be read",
        f"Nothing of that answer was kept. Retry in a while: the import reads everything again. {_AGAIN}",
    ),
    Reason.SECRET_STORE: Cause(
        "The secret store did not answer",
        f"The API key is safe there, but it could not be read. {_GOES_ON}",
    ),
    Reason.DATABASE: Cause(
        "Our database did not answer",
        f"It was full, read-only or too busy to write, for hours. Nothing is lost. {_GOES_ON}",
    ),
    Reason.STOPPED_TOO_OFTEN: Cause(
        "The import was interrupted 6 times",
        f"Its worker stopped in the middle each time. {_GOES_ON} {_AGAIN}",
    ),
    Reason.DISCONNECTED: Cause(
        "ChartMogul was disconnected",
        "What was imported until then is kept and no longer updated.",
        "View the connection",
    ),
    Reason.UNEXPECTED: Cause(
        "Customerscore made a mistake",
        f"What went wrong is in our log. {_GOES_ON} {_AGAIN}",
    ),
}

_CORRECT = "Correct it in ChartMogul; the next import picks it up."
_REPORT = "Nothing to do in ChartMogul. Tell support the number of this import."
_KEPT = "Correct it in ChartMogul if you need it; the rest of the record was imported."
_ASKED_AGAIN = (
    "Plans, billing interval and seats of the customer stay as they were; the next import asks for them again."
)
_COMPARE = "Compare the two in ChartMogul. If they agree there, tell support the number of this import."
TROUBLES: dict[str, Trouble] = {
    Refusal.NOT_AN_OBJECT: Trouble("Skipped: not a record", _REPORT),
    Refusal.NO_UUID: Trouble("Skipped: no usable ChartMogul UUID", _REPORT),
    Refusal.NO_DATE: Trouble("Skipped: no usable date", _CORRECT),
    Refusal.UNKNOWN_TYPE: Trouble("Skipped: unknown type of movement", _REPORT),
    Refusal.NOT_MONEY: Trouble("Skipped: an amount is not a number", _CORRECT),
    Refusal.MONEY_OUT_OF_RANGE: Trouble("Skipped: an amount is too large to be true", _CORRECT),
    Refusal.NO_CURRENCY: Trouble("Skipped: no usable currency", _CORRECT),
    Refusal.UNKNOWN_STATUS: Trouble("Skipped: a subscription neither active nor inactive", _REPORT),
    Doubt.WRONG_TYPE: Trouble("Unexpected type, left empty", _KEPT),
    Doubt.NOT_A_DATE: Trouble("Not a date, left empty", _KEPT),
    Doubt.NOT_AN_ADDRESS: Trouble("Not a web address, left empty", _KEPT),
    Doubt.NOT_A_TIME_ZONE: Trouble("Unknown time zone, read as UTC", "Choose a time zone in ChartMogul."),
    Doubt.BAD_CHARACTERS: Trouble("Characters that cannot be stored, removed", _KEPT),
    Doubt.TOO_LONG: Trouble("Too long, cut", "Shorten it in ChartMogul if you need the end of it."),
    Doubt.TOO_BIG: Trouble("Too big, left empty", "Remove what you do not need in ChartMogul."),
    "mrr_differs": Trouble("MRR differs from the sum of its movements", _COMPARE),
    "customers_missing": Trouble(
        "ChartMogul counts more customers than its list holds", f"The next import reads the list again. {_AGAIN}"
    ),
    "subscriptions_missing": Trouble("ChartMogul does not know the customer's subscriptions", _ASKED_AGAIN),
    "subscriptions_unreadable": Trouble("The customer's subscriptions could not be read", _ASKED_AGAIN),
    "account_mrr_differs": Trouble("MRR of all customers differs from ChartMogul's total", _COMPARE),
    "value_unreadable": Trouble(
        "A property's value cannot be read", "Correct the value in ChartMogul, or change the property's type."
    ),
}
# Kinds of records that were not used; the title says all.
SKIPS = [str(kind) for kind in Refusal]


def cause(reason: str | None) -> Cause:
    """The words of a reason; one that is not of the closed set is a mistake of ours, and said to be."""
    return CAUSES[Reason(reason) if reason in set(Reason) else Reason.UNEXPECTED]


def trouble(kind: str, detail: str | None = None) -> Trouble:
    """The words of a warning; of an unknown kind there is only what was noted with it."""
    return TROUBLES.get(kind) or Trouble(detail or "Something is odd about this record", _REPORT)


def trouble_detail(kind: str, detail: str | None) -> str:
    """What a warning's title leaves unsaid: the field, the size of a difference."""
    return detail if detail and kind in TROUBLES and kind not in SKIPS else ""
