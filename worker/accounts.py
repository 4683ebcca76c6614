"""What ChartMogul says of the account as a whole: held against the sum of what we read, and its last months."""

from datetime import date

import structlog

from webapp.chartmogul.client import Missing, NoAccess, Unavailable
from webapp.chartmogul.records import RecordRefused, parse_months, parse_total_mrr
from webapp.extensions import db
from webapp.models import Import
from webapp.models.types import now
from webapp.values import Moment
from worker import fetch, save
from worker.turn import Turn

log = structlog.get_logger()


def reconcile(run: Turn, reader: fetch.Reader, total: int, moment: Moment) -> None:
    """Σ MRR of the customers = MRR of the account, or a warning that says by how much not; and the months that
    led there."""
    months = months_until(moment.today)
    run.lease.write(mrr_minor=total)
    db.session.commit()
    try:
        metrics = run.ask(reader, "/metrics/all", **months)
        account = parse_total_mrr(metrics)
    except (RecordRefused, Unavailable, Missing, NoAccess):
        return  # without the account's figure there is nothing to compare
    difference = total - account
    warnings = save.Warnings(run.import_)
    if difference:
        detail = f"The customers' MRR adds up to {total / 100:,.2f}, ChartMogul's own figure is {account / 100:,.2f}."
        warnings.add("account_mrr_differs", None, None, detail)
    run.lease.write(account_difference_minor=difference, warnings=Import.warnings + warnings.write())
    db.session.commit()
    _keep_months(run, reader, metrics, months, moment)


def _keep_months(run: Turn, reader: fetch.Reader, metrics: object, asked: dict[str, str], moment: Moment) -> None:
    """What the account's movements came to in each of its last months. Nice to have: no import waits or fails for
    it, and what cannot be read leaves the months as they were."""
    try:
        movements = run.ask(reader, "/metrics/mrr", **asked)
        months = parse_months(metrics, movements, moment.today)
    except (RecordRefused, Unavailable, Missing, NoAccess, fetch.Paused) as error:
        log.info("the account's months were not read", error=type(error).__name__)
        return
    run.lease.write()
    run.provider_to_change().keep_months(months, now())
    db.session.commit()


def months_until(today: date) -> dict[str, str]:
    """What to ask the metrics for: the twelve months before this one, and this one so far."""
    return {"start-date": str(today.replace(year=today.year - 1, day=1)), "end-date": str(today), "interval": "month"}
