"""The ChartMogul account as a whole: how its MRR was checked, and its last months in words and bars."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func

from webapp.chartmogul.records import MonthRecord
from webapp.charts import month_bars
from webapp.extensions import db
from webapp.freshness import stale_since
from webapp.models import Import, ImportWarning, Provider
from webapp.rendering import day, money, zone
from webapp.tenancy import owned


def mrr_line(provider: Provider | None) -> str | None:
    """The account's MRR as its last import found it, for a line that leads to the account's page; None before it."""
    import_ = provider.newest_complete_import() if provider else None
    if provider is None or import_ is None:
        return None
    if import_.mrr_minor is None:
        return "MRR of the account"
    return f"{when_found(provider)} {money(import_.mrr_minor, provider.currency)}"


def when_found(provider: Provider) -> str:
    """`MRR now`, or of which day it is where it is no longer kept up to date."""
    stale = stale_since(provider)
    return f"MRR on {day(stale.astimezone(zone()).date())}" if stale else "MRR now"


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What an import found when it checked the sums. `differing`: of how many customers the movements do not add up to
    their MRR; `at_least`: not all of the import's warnings were kept, so there may be more; `forgotten`: it is so long
    ago that none is kept any more. Warnings of sums have room of their own: no other warnings push out all of them."""

    import_: Import
    differing: int
    at_least: bool
    forgotten: bool

    @classmethod
    def of(cls, import_: Import) -> "Reconciliation":
        kinds = owned(ImportWarning, ImportWarning.kind, func.count()).where(ImportWarning.import_id == import_.id)
        rows = db.session.execute(kinds.group_by(ImportWarning.kind)).all()
        kept: dict[str, int] = {row[0]: row[1] for row in rows}
        at_least, forgotten = import_.warnings > sum(kept.values()), import_.warnings > 0 and not kept
        return cls(import_, kept.get("mrr_differs", 0), at_least, forgotten)


@dataclass(frozen=True, slots=True)
class MonthChart:
    """A figure by month: its drawing, and what it shows in words."""

    id: str
    name: str
    drawing: str
    said: str


def month_charts(months: list[MonthRecord], currency: str | None) -> list[MonthChart]:
    """MRR, its net movement and what of it churned, each by month."""
    mrr = [month.mrr_minor for month in months]
    movement = [month.movement_minor for month in months]
    churned = [month.churned_minor for month in months]
    lost = [None if minor is None else -minor for minor in churned]
    return [
        _chart("mrr", "MRR by month", months, mrr, _mrr_in_words(months, currency)),
        _chart("movement", "Net MRR movement by month", months, movement, _in_words(months, movement, currency, True)),
        _chart("churn", "Churned MRR by month", months, lost, _in_words(months, churned, currency, False)),
    ]


def _chart(id_: str, name: str, months: list[MonthRecord], amounts: Sequence[int | None], said: str) -> MonthChart:
    running = bool(months) and not months[-1].whole
    return MonthChart(id_, name, month_bars(amounts, f"{name}. {said}", running), said)


def _mrr_in_words(months: list[MonthRecord], currency: str | None) -> str:
    first, last = months[0], months[-1]
    highest = max(months, key=lambda month: month.mrr_minor)
    most = "the highest" if highest is last else f"highest {money(highest.mrr_minor, currency)} {_when(highest)}"
    began, ended = (f"{money(month.mrr_minor, currency)} {_when(month)}" for month in (first, last))
    return f"From {began} to {ended}; {most}."


def _in_words(months: list[MonthRecord], amounts: Sequence[int | None], currency: str | None, net: bool) -> str:
    """What the whole months come to, and the months with the most and, of a net figure, the least."""
    known = [(month, minor) for month, minor in zip(months, amounts, strict=True) if minor is not None]
    whole = [(month, minor) for month, minor in known if month.whole]
    if not known:
        return "ChartMogul did not say it for any of these months."
    said = []
    if whole:
        total = sum(minor for _, minor in whole)
        said.append(f"{amount(total, currency, net)} in {_span([month for month, _ in whole])}")
    compared = whole or known
    most, least = max(compared, key=lambda each: each[1]), min(compared, key=lambda each: each[1])
    said.append(f"most {amount(most[1], currency, net)} in {_named(most[0])}")
    if net:
        said.append(f"least {amount(least[1], currency, net)} in {_named(least[0])}")
    words = "; ".join(said)
    return f"{words[0].upper()}{words[1:]}."


def _span(months: list[MonthRecord]) -> str:
    """`the 12 whole months from Nov 2025 to Oct 2026`; where some are missing, how many they are all the same."""
    first, last = months[0].last_day, months[-1].last_day
    if len(months) == 1:
        return month_name(first)
    missing = (last.year - first.year) * 12 + last.month - first.month + 1 > len(months)
    form = "{} whole months between {} and {}" if missing else "the {} whole months from {} to {}"
    return form.format(len(months), month_name(first), month_name(last))


def _when(month: MonthRecord) -> str:
    return f"at the end of {month_name(month.last_day)}" if month.whole else f"on {day(month.last_day)}"


def _named(month: MonthRecord) -> str:
    return month_name(month.last_day) + ("" if month.whole else " so far")


def month_name(of: date) -> str:
    return f"{of:%b %Y}"


def amount(minor: int | None, currency: str | None, net: bool = True) -> str:
    """Money; of a net figure with its sign, also when it is a plus."""
    return ("+" if net and minor is not None and minor > 0 else "") + money(minor, currency)
