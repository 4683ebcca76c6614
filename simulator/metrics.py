"""The account's metrics, added up from the movements: no figure here can disagree with the customers' own."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from simulator.paging import Query, refusal
from simulator.records import Record
from simulator.snapshot import Snapshot

_MOVEMENTS = {
    "new_biz": "mrr-new-business",
    "expansion": "mrr-expansion",
    "contraction": "mrr-contraction",
    "churn": "mrr-churn",
    "reactivation": "mrr-reactivation",
}
# metric: its key in an entry and the interval it is cut into when none is asked for
_METRICS = {
    "mrr": ("mrr", "day"),
    "arr": ("arr", "day"),
    "arpa": ("arpa", "day"),
    "asp": ("asp", "month"),
    "customer-count": ("customers", "day"),
    "customer-churn-rate": ("customer-churn-rate", "month"),
    "mrr-churn-rate": ("mrr-churn-rate", "month"),
    "ltv": ("ltv", "month"),
}
_ALL = ("mrr", "arr", "customer-churn-rate", "mrr-churn-rate", "ltv", "customers", "asp", "arpa")
_INTERVALS = ("day", "week", "month", "quarter", "year")


@dataclass
class Totals:
    """What the movements of one day, or of several, come to."""

    amounts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, other: "Totals") -> None:
        for kind, amount in other.amounts.items():
            self.amounts[kind] += amount
            self.counts[kind] += other.counts[kind]

    @property
    def mrr(self) -> int:
        return sum(self.amounts.values())

    @property
    def customers(self) -> int:
        return self.counts["new_biz"] + self.counts["reactivation"] - self.counts["churn"]


def answer(snapshot: Snapshot, time_zone: str, metric: str, query: Query) -> Record:
    """`{"entries": [...], "summary": {...}}`, by days of the account's time zone, without what is scheduled.

    What ChartMogul's summary compares isn't documented; here it is the last 30 days with the 30 before.
    Filters (`geo`, `plans`, `filters`) are refused rather than ignored.
    """
    key, usual_interval = _METRICS.get(metric, ("", "month"))
    if not key and metric != "all":
        raise refusal(404, "Not found")
    for name in ("geo", "plans", "filters"):
        if query.get(name):
            raise refusal(400, f"{name} is not simulated", name)
    days = snapshot.derived(("days", time_zone), lambda: _by_day(snapshot, ZoneInfo(time_zone)))
    start, end = _date(query, "start-date"), _date(query, "end-date")
    interval = query.get("interval") or usual_interval
    if interval not in _INTERVALS or start > end:
        raise refusal(400, "interval is invalid", "interval")
    names = _ALL if metric == "all" else (key,)
    return {
        "entries": _entries(days, names, metric, _ends(start, end, interval), start),
        "summary": _summary(days, names, metric, datetime.fromtimestamp(snapshot.now, ZoneInfo(time_zone)).date()),
    }


def _by_day(snapshot: Snapshot, zone: ZoneInfo) -> dict[date, Totals]:
    days: dict[date, Totals] = defaultdict(Totals)
    for movement in snapshot.movements:
        if movement.at > snapshot.now:
            break
        totals = days[datetime.fromtimestamp(movement.at, zone).date()]
        totals.amounts[movement.kind] += movement.delta
        totals.counts[movement.kind] += 1
    return dict(days)


def _between(days: dict[date, Totals], after: date, until: date) -> Totals:
    totals = Totals()
    for day, that_day in days.items():
        if after < day <= until:
            totals.add(that_day)
    return totals


def _ends(start: date, end: date, interval: str) -> list[date]:
    """The last day of every interval; the last, unfinished one ends at `end`."""
    ends, day = [], start
    while day < end:
        ends.append(min(_end_of(day, interval), end))
        day = ends[-1] + timedelta(days=1)
    return ends if ends and ends[-1] == end else [*ends, end]


def _end_of(day: date, interval: str) -> date:
    match interval:
        case "day":
            return day
        case "week":
            return day + timedelta(days=6 - day.weekday())
        case "month":
            month = day.month
        case "quarter":
            month = (day.month + 2) // 3 * 3
        case _:
            month = 12
    return date(day.year + month // 12, month % 12 + 1, 1) - timedelta(days=1)


def _entries(
    days: dict[date, Totals], names: tuple[str, ...], metric: str, ends: list[date], start: date
) -> list[Record]:
    entries: list[Record] = []
    so_far = _between(days, date.min, start - timedelta(days=1))
    last: Record = {}
    for end in ends:
        span = _between(days, start - timedelta(days=1), end)
        values = _values(so_far, span)
        entries.append({"date": end.isoformat(), **_entry(names, metric, values, last)})
        so_far.add(span)
        last, start = values, end + timedelta(days=1)
    return entries


def _entry(names: tuple[str, ...], metric: str, values: Record, last: Record) -> Record:
    """`last` is the entry before; the first entry has none and has changed by nothing."""
    changes = {name: _change(last.get(name, values[name]), values[name]) for name in names}
    entry: Record = {}
    for name in names:
        entry[name] = values[name]
        entry[f"{name}-percentage-change" if metric == "all" else "percentage-change"] = changes[name]
    if metric == "mrr":
        entry |= {spelled: values[spelled] for spelled in _MOVEMENTS.values()}
    return entry


def _values(before: Totals, span: Totals) -> Record:
    """All metrics at the end of a span, from the sums before it and those within."""
    mrr, customers = before.mrr + span.mrr, before.customers + span.customers
    arpa = mrr // customers if customers else 0
    churn_rate = _percent(span.counts["churn"], before.customers)
    lost = span.amounts["new_biz"] - span.mrr
    sold = span.counts["new_biz"]
    return {
        "mrr": mrr,
        "arr": 12 * mrr,
        "customers": customers,
        "arpa": arpa,
        "asp": span.amounts["new_biz"] // sold if sold else 0,
        "customer-churn-rate": churn_rate,
        "mrr-churn-rate": _percent(lost, before.mrr),
        "ltv": int(arpa / (churn_rate / 100)) if churn_rate else 0,
        **{spelled: span.amounts[kind] for kind, spelled in _MOVEMENTS.items()},
    }


def _summary(days: dict[date, Totals], names: tuple[str, ...], metric: str, today: date) -> Record:
    month, two_months = today - timedelta(days=30), today - timedelta(days=60)
    far_before = _between(days, date.min, two_months)
    earlier = _between(days, two_months, month)
    previous = _values(far_before, earlier)
    far_before.add(earlier)
    current = _values(far_before, _between(days, month, date.max))
    summary: Record = {}
    for name in names:
        suffix = f"-{name}" if metric == "all" else ""
        summary[f"current{suffix}"] = current[name]
        summary[f"previous{suffix}"] = previous[name]
        summary[f"{name}-percentage-change" if suffix else "percentage-change"] = _change(previous[name], current[name])
    return summary


def _change(before: Any, after: Any) -> float:
    return round((after - before) / abs(before) * 100, 2) if before else 0.0


def _percent(part: float, whole: float) -> float:
    return round(part / whole * 100, 2) if whole else 0.0


def _date(query: Query, name: str) -> date:
    text: Any = query.get(name)
    if not text:
        raise refusal(400, "Required parameter is missing", name)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise refusal(400, f"{name} is invalid", name) from None
