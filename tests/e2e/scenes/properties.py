"""Properties: the list, the form, a page each."""

from tests.e2e.people import Cast
from tests.e2e.scenes import rows
from tests.e2e.scenes.stage import fill, press, scene, still
from webapp.extensions import db
from webapp.models import ProviderState

still("properties_empty", "/properties")
still("property_new_not_connected", "/properties/new")


@scene()
def properties_list(cast: Cast) -> str:
    rows.furnished(cast.acme).properties[0].version = 2
    db.session.commit()
    return "/properties?saved=mrr"


@scene("max")
def properties_seen_by_a_member(cast: Cast) -> str:
    return properties_list(cast)


@scene()
def properties_stale(cast: Cast) -> str:
    rows.furnished(cast.acme, ProviderState.DISCONNECTED)
    return "/properties"


@scene(act=fill("Name", "MRR vs peak"))
def property_new(cast: Cast) -> str:
    rows.furnished(cast.acme)
    return "/properties/new"


@scene(act=fill("Codename", "Not A Codename", "Save"))
def property_new_wrong(cast: Cast) -> str:
    rows.furnished(cast.acme)
    return "/properties/new"


@scene()
def property_edit(cast: Cast) -> str:
    return f"{property_page(cast)}/edit"


@scene()
def property_page(cast: Cast) -> str:
    return f"/properties/{rows.furnished(cast.acme).properties[0].id}"


@scene()
def property_page_by_hand(cast: Cast) -> str:
    return f"/properties/{rows.furnished(cast.acme).properties[-1].id}"


@scene("max")
def property_page_seen_by_a_member(cast: Cast) -> str:
    return property_page(cast)


@scene(act=press("Delete"))
def property_delete_dialog(cast: Cast) -> str:
    return property_page(cast)


@scene()
def property_delete_page(cast: Cast) -> str:
    return f"{property_page(cast)}/delete"
