"""What a probe finds is kept as long as somebody waits for it and the key is still the one it asked with."""

from datetime import timedelta
from threading import Thread

import pytest

from tests import syncing
from webapp.extensions import db
from webapp.models import Provider
from webapp.models.types import now
from webapp.tenancy import acting_for, owned_update
from worker.probe import probe


@pytest.mark.parametrize(
    ("meanwhile", "kept"),
    [({"probe_wanted_at": now() + timedelta(seconds=12)}, True), ({"secret_name": "another"}, False)],
    ids=["asked again", "key replaced"],
)
def test_answer_of_a_slow_probe(app, cast, chartmogul, meanwhile, kept):
    """The clock asks again after 12 s, and three slow answers take longer."""
    provider = syncing.connect(cast.acme, chartmogul, probe_wanted_at=now())
    provider_id, tenant_id = provider.id, provider.tenant_id
    db.session.commit()
    chartmogul.latency_ms = 300

    def ask() -> None:
        with app.app_context(), acting_for(tenant_id):
            probe(provider_id)

    asking = Thread(target=ask)
    asking.start()
    asking.join(0.3)
    with acting_for(tenant_id):
        db.session.execute(owned_update(Provider).values(**meanwhile))
        db.session.commit()
        asking.join()
        found = Provider.current()

        assert found is not None
        assert (found.key_check == "ok", found.probing) == (kept, not kept)
