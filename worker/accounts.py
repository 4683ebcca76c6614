"""What ChartMogul says of the account as a whole: held against the sum of what we read, and its last months."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from functools import partial
from typing import Any

import structlog

from webapp.chartmogul.client import Missing, NoAccess, Unavailable
from webapp.chartmogul.records import RecordRefused, parse_months, parse_total_mrr
from webapp.extensions import db
from webapp.models import Import
from webapp.models.types import now
from webapp.rendering import money
from webapp.values import Moment
from worker import fetch, save
from worker.turn import Turn

log = structlog.get_logger()
ALL, MRR = "/metrics/all", "/metrics/mrr"


def reconcile(run: Turn, reader: fetch.Reader, total: int, moment: Moment) -> None:
    """Σ MRR of the customers = MRR of the account, or a warning that says by how much not; and the months that
    led there, of which no import fails: what cannot be read leaves them as they were."""
    asked = months_until(moment.today)
    run.lease.write(mrr_minor=total)
    db.session.commit()
    metrics, movements = _both(run, reader, asked)
    try:
        account = parse_total_mrr(metrics)
    except RecordRefused:
        return  # without the account's figure there is nothing to compare
    difference = total - account
    warnings = save.Warnings(run.import_)
    if difference:
        ours, theirs = (money(minor, run.provider.currency) for minor in (total, account))
        detail = f"The customers' MRR adds up to {ours}, ChartMogul's own figure is {theirs}."
        warnings.add("account_mrr_differs", None, None, detail)
    run.lease.write(account_difference_minor=difference, warnings=Import.warnings + warnings.write())
    with suppress(RecordRefused):
        run.provider_to_change().keep_months(parse_months(metrics, movements, moment.today), now())
    db.session.commit()


def _both(run: Turn, reader: fetch.Reader, asked: dict[str, Any]) -> tuple[object, object]:
    """The answers of /metrics/all and /metrics/mrr, asked for side by side; None for one that ChartMogul does not
    give."""

    def answer(path: str) -> Iterator[tuple[str, object]]:
        try:
            yield path, reader.get(path, tries=fetch.FEW_TRIES, **asked)
        except (Unavailable, Missing, NoAccess, fetch.Paused) as error:
            if path == ALL and isinstance(error, fetch.Paused):
                raise
            log.info("a metric was not read", path=path, error=type(error).__name__)

    found = dict(run.arriving(reader, [partial(answer, path) for path in (ALL, MRR)]))
    return found.get(ALL), found.get(MRR)


def months_until(today: date) -> dict[str, Any]:
    """What to ask the metrics for: the twelve months before this one, and this one so far."""
    return {"start-date": str(today.replace(year=today.year - 1, day=1)), "end-date": str(today), "interval": "month"}
