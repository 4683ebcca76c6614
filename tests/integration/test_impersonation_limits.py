"""What support cannot do while it looks at a tenant: write, export, handle keys, open its own console."""

import pytest
from sqlalchemy import select

from tests.factories import Cast, make_import, make_property, make_provider
from tests.integration.test_impersonation import begin, looks
from tests.person import Person
from webapp.audit import AuditEntry
from webapp.extensions import db
from webapp.models import ProviderState


@pytest.fixture
def sam(person, cast: Cast) -> Person:
    """Sam, looking at Acme."""
    sam = person(cast.sam)
    begin(sam, cast)
    sam._csrf = None
    return sam


def test_support_sees_what_the_admin_sees_and_cannot_press_it(sam, cast: Cast):
    make_provider(cast.acme)
    page, dialog = sam.get("/settings/providers").text, sam.htmx("/settings/providers/chartmogul").text

    assert "Connected" in page
    assert "sam@customerscore.example" in page
    assert "Looking now" in page
    assert "Only admins can configure" not in page
    assert '<button type="submit" class="btn" disabled>' in dialog
    assert "Replace API key</button>" in dialog
    assert "Read-only while you view as support." in dialog
    assert 'data-hx-get="/settings/providers/chartmogul/replace"' not in dialog


@pytest.mark.parametrize(
    "path",
    [
        "/settings/providers/chartmogul/connect",
        "/settings/providers/chartmogul/replace",
        "/customers.csv",
        "/imports.csv",
    ],
)
def test_key_pages_and_exports_are_closed(sam, cast: Cast, path):
    make_provider(cast.acme)

    assert sam.get(path).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/settings/providers/chartmogul/connect",
        "/settings/providers/chartmogul/replace",
        "/settings/providers/chartmogul/disconnect",
        "/settings/providers/chartmogul/set-up",
        "/imports",
        "/support/tenants/00000000-0000-0000-0000-000000000000/impersonation",
        "/support/tenants/00000000-0000-0000-0000-000000000000/pause",
        "/login",
    ],
)
@pytest.mark.parametrize("htmx", [True, False])
def test_every_write_is_refused_and_written_down(sam, chartmogul, cast: Cast, path, htmx):
    make_provider(cast.acme, ProviderState.SETTING_UP)

    answer = sam.post(path, htmx=htmx, api_key=chartmogul.key, reason="again", schedule="hours")

    assert answer.status_code == 403
    assert ("Impersonation is read-only" in answer.text) is not htmx
    assert len(chartmogul.log) == 0
    refused = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "authz:refused")).one()
    assert (refused.tenant_id, refused.impersonation_id) == (cast.acme.id, looks()[0].id)
    assert len(looks()) == 1


@pytest.mark.parametrize("path", ["/support", "/support/tenants/{}", "/support/tenants/{}/set-up"])
def test_staff_pages_do_not_exist_meanwhile(sam, cast: Cast, path):
    assert sam.get(path.format(cast.acme.id)).status_code == 404


def test_neighbours_rows_are_not_found(sam, cast: Cast):
    theirs = make_import(make_provider(cast.globex))
    make_property(cast.globex, "Secret of Globex")

    assert sam.get(f"/imports/{theirs.id}").status_code == 404
    assert "Secret of Globex" not in sam.get("/properties").text
