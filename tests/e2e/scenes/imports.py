"""Imports: the overview and an import's page, in every state."""

from datetime import timedelta
from typing import Any

from tests.e2e.people import Cast
from tests.e2e.scenes import rows
from tests.e2e.scenes.stage import scene, still
from webapp.models import ImportState
from webapp.models.types import now

still("imports_not_connected", "/imports")
still("imports_not_connected_seen_by_a_member", "/imports", "max")


@scene()
def imports_setting_up(cast: Cast) -> str:
    rows.set_up_pending(cast.acme)
    return "/imports"


@scene()
def imports_none_yet(cast: Cast) -> str:
    rows.provider(cast.acme)
    return "/imports"


@scene()
def imports_running_and_ended_in_every_way(cast: Cast) -> str:
    of = rows.provider(cast.acme)
    rows.imports_in_every_ended_state(of)
    rows.import_(of, ImportState.RUNNING)
    return "/imports"


@scene("max")
def imports_seen_by_a_member(cast: Cast) -> str:
    return imports_running_and_ended_in_every_way(cast)


@scene()
def imports_waiting(cast: Cast) -> str:
    of = rows.provider(cast.acme)
    rows.import_(of, ImportState.DONE)
    rows.import_(of, ImportState.WAITING, reason="busy", not_before=now() + timedelta(minutes=20))
    return "/imports"


@scene()
def imports_cancelling(cast: Cast) -> str:
    rows.import_(rows.provider(cast.acme), ImportState.CANCELLING, cancelled_by=cast.ada.email)
    return "/imports"


@scene()
def imports_many(cast: Cast) -> str:
    of = rows.provider(cast.acme)
    for _ in range(26):
        rows.import_(of, ImportState.DONE)
    return "/imports"


@scene()
def imports_no_match(cast: Cast) -> str:
    rows.import_(rows.provider(cast.acme), ImportState.DONE)
    return "/imports?status=failed"


def _page(cast: Cast, state: str, **changes: Any) -> str:
    return f"/imports/{rows.import_(rows.provider(cast.acme), state, **changes).id}"


@scene()
def import_waiting(cast: Cast) -> str:
    return _page(cast, ImportState.WAITING, steps=[])


@scene()
def import_running(cast: Cast) -> str:
    return _page(cast, ImportState.RUNNING)


@scene()
def import_done(cast: Cast) -> str:
    return _page(cast, ImportState.DONE)


@scene()
def import_failed(cast: Cast) -> str:
    return _page(cast, ImportState.FAILED, reason="unavailable", detail="status 502")


@scene()
def import_failed_for_its_key(cast: Cast) -> str:
    return _page(cast, ImportState.FAILED, reason="key_refused")


@scene()
def import_cancelled(cast: Cast) -> str:
    return _page(cast, ImportState.CANCELLED, cancelled_by=cast.ada.email)


@scene()
def import_partly_done(cast: Cast) -> str:
    made = rows.import_(rows.provider(cast.acme), ImportState.PARTLY_DONE, skipped=2, warnings=3)
    id_ = made.id
    rows.warnings_of(made)
    return f"/imports/{id_}"


@scene()
def import_that_changed_customers(cast: Cast) -> str:
    return f"/imports/{rows.changes_of(rows.furnished(cast.acme)).id}"


@scene("max")
def import_seen_by_a_member(cast: Cast) -> str:
    return import_partly_done(cast)
