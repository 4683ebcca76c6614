"""Support's console, and a tenant's pages as support sees them."""

from datetime import timedelta

from tests.e2e.people import Cast
from tests.e2e.scenes import imports, rows, settings
from tests.e2e.scenes.stage import CONNECTION, fill, press, scene, still
from webapp.extensions import db
from webapp.models import Impersonation, ImportState
from webapp.models.types import now

still("support_nobody_waits", "/support?q=Acme", "sam")
still("support_no_tenant_matches", "/support?q=nobody+is+called+that", "sam")
REFUSED = {"probe": {"state": "refused"}}


@scene("sam")
def support_pending(cast: Cast) -> str:
    rows.set_up_pending(cast.acme, connected_at=now() - timedelta(days=2))
    rows.set_up_pending(cast.globex, **REFUSED)
    return f"/support?q={cast.acme.name[-6:]}"


@scene("sam")
def support_set_up(cast: Cast) -> str:
    rows.set_up_pending(cast.acme)
    return f"/support/tenants/{cast.acme.id}/set-up"


@scene("sam")
def support_set_up_not_probed(cast: Cast) -> str:
    rows.set_up_pending(cast.acme, probe=None, probed_at=None, probe_wanted_at=now() + timedelta(hours=3))
    return f"/support/tenants/{cast.acme.id}/set-up"


@scene("sam")
def support_set_up_refused_key(cast: Cast) -> str:
    rows.set_up_pending(cast.acme, **REFUSED)
    return f"/support/tenants/{cast.acme.id}/set-up"


@scene("sam", act=fill("Hours between imports", "1000", "Complete set-up"))
def support_set_up_wrong(cast: Cast) -> str:
    return support_set_up(cast)


@scene("sam")
def support_tenant(cast: Cast) -> str:
    imports.imports_running_and_ended_in_every_way(cast)
    looked = {"started_at": now() - timedelta(days=1), "ends_at": now() - timedelta(hours=23)}
    over = {"ended_at": now() - timedelta(hours=23), "ended_by": "stopped", "last_action_at": looked["started_at"]}
    row = Impersonation(staff_id=cast.sam.id, tenant_id=cast.acme.id, reason="Ticket 4711", **looked, **over)
    db.session.add(row)
    db.session.commit()
    return f"/support/tenants/{cast.acme.id}"


@scene("sam")
def support_tenant_without_anything(cast: Cast) -> str:
    return f"/support/tenants/{cast.acme.id}"


@scene("sam")
def impersonate_form(cast: Cast) -> str:
    return f"/support/tenants/{cast.acme.id}/impersonation"


@scene("sam", act=press("Impersonate"))
def impersonate_form_without_reason(cast: Cast) -> str:
    return impersonate_form(cast)


@scene("sam", session="looking")
def impersonated_customers(cast: Cast) -> str:
    rows.furnished(cast.acme)
    return "/customers"


@scene("sam", session="looking")
def impersonated_customer_page(cast: Cast) -> str:
    return f"/customers/{rows.furnished(cast.acme).customers[0].id}"


@scene("sam", session="looking")
def impersonated_imports(cast: Cast) -> str:
    return imports.imports_running_and_ended_in_every_way(cast)


@scene("sam", session="looking")
def impersonated_import(cast: Cast) -> str:
    return imports.import_partly_done(cast)


@scene("sam", session="looking")
def impersonated_providers(cast: Cast) -> str:
    return settings.providers_connected(cast)


@scene("sam", session="looking")
def impersonated_connection(cast: Cast) -> str:
    rows.import_(rows.provider(cast.acme), ImportState.DONE)
    return CONNECTION


@scene("sam", session="looking")
def impersonated_disconnect(cast: Cast) -> str:
    rows.furnished(cast.acme)
    return f"{CONNECTION}/disconnect"


@scene("sam", session="looking")
def impersonated_properties(cast: Cast) -> str:
    rows.furnished(cast.acme)
    return "/properties"


@scene("sam", session="looking")
def impersonated_property(cast: Cast) -> str:
    return f"/properties/{rows.furnished(cast.acme).properties[0].id}"


@scene("sam", session="looking", status=403)
def impersonated_key_form(cast: Cast) -> str:
    return f"{CONNECTION}/connect"
