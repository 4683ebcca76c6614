"""Properties: the list, the form, a page each."""

from tests.e2e.people import Cast
from tests.e2e.scenes import rows
from tests.e2e.scenes.stage import choose, fill, press, scene, still
from webapp.extensions import db
from webapp.models import ImportState, ProviderState

still("properties_empty", "/properties")
still("property_new_not_connected", "/properties/new")


@scene()
def properties_list(cast: Cast) -> str:
    rows.furnished(cast.acme).properties[0].version = 2
    db.session.commit()
    return "/properties?saved=mrr"


@scene()
def properties_to_start_with(cast: Cast) -> str:
    rows.customers(rows.read_once(cast.acme), 3)
    return "/properties"


@scene("max")
def properties_to_start_with_seen_by_a_member(cast: Cast) -> str:
    return properties_to_start_with(cast)


@scene("sam", session="looking")
def properties_to_start_with_seen_by_support(cast: Cast) -> str:
    return properties_with_new_attributes(cast, filled=False)


@scene(act=press("Create these 8 properties"))
def properties_started(cast: Cast) -> str:
    return properties_to_start_with(cast)


@scene()
def properties_with_new_attributes(cast: Cast, filled: bool = True) -> str:
    of = rows.furnished(cast.acme).provider if filled else rows.read_once(cast.acme)
    of.attributes = rows.ATTRIBUTES
    db.session.commit()
    return "/properties"


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


@scene(act=choose("ChartMogul field", "cm_city"))
def property_edit_with_changes(cast: Cast) -> str:
    return f"/properties/{rows.furnished(cast.acme).properties[2].id}/edit"


@scene(act=choose("Type", "number"))
def property_edit_with_what_cannot_be_read(cast: Cast) -> str:
    return property_edit_with_changes(cast)


@scene(act=fill("Name", "Trial to paid"))
def property_new_of_a_field_without_values(cast: Cast) -> str:
    rows.furnished(cast.acme).provider.fields_without_values = ["cm_trial_to_paid_days", "cm_billing_system"]
    db.session.commit()
    return "/properties/new"


@scene()
def property_page_without_values(cast: Cast) -> str:
    made = rows.furnished(cast.acme)
    empty = made.properties[3]
    empty.filled_count, empty.filled_import_id = 0, rows.import_(made.provider, ImportState.DONE).id
    db.session.commit()
    return f"/properties/{empty.id}"


@scene()
def property_page_with_history(cast: Cast) -> str:
    made = rows.furnished(cast.acme)
    rows.history_of(made.properties[0], rows.import_(made.provider, ImportState.DONE))
    return f"/properties/{made.properties[0].id}"


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
