"""Customers: the table and a customer's page."""

from tests.e2e.people import Cast
from tests.e2e.scenes import rows
from tests.e2e.scenes.stage import after, fill, press, scene, still
from webapp.extensions import db
from webapp.models import ImportState, ProviderState
from webapp.models.types import now

still("customers_not_connected", "/customers")
still("customers_not_connected_seen_by_a_member", "/customers", "max")


@scene()
def customers_setting_up(cast: Cast) -> str:
    rows.set_up_pending(cast.acme)
    return "/customers"


@scene()
def customers_first_import_running(cast: Cast) -> str:
    rows.import_(rows.provider(cast.acme), ImportState.RUNNING)
    return "/customers"


@scene()
def customers_table(cast: Cast) -> str:
    rows.furnished(cast.acme, count=51).customers[3].gone_at = now()
    db.session.commit()
    return "/customers"


@scene()
def customers_sorted_second_page(cast: Cast) -> str:
    furnished = rows.furnished(cast.acme, count=51)
    return f"/customers?sort=-mrr&after={furnished.customers[20].uuid}"


@scene()
def customers_no_match(cast: Cast) -> str:
    rows.furnished(cast.acme)
    return "/customers?q=nobody+is+called+that"


FILTERS = "mrr.max=900&status.has=a&customer_since.min=2020-01-01&tags.has=enterprise&account_manager.is=filled"


@scene()
def customers_filtered(cast: Cast) -> str:
    rows.furnished(cast.acme)
    return f"/customers?{FILTERS}&sort=-mrr"


@scene()
def customers_no_match_of_conditions(cast: Cast) -> str:
    rows.furnished(cast.acme)
    return "/customers?mrr.min=99999999&mrr_change_30_days.min=a+lot"


@scene(act=press("Filter"))
def filters_dialog(cast: Cast) -> str:
    rows.furnished(cast.acme)
    return f"/customers?{FILTERS}"


@scene()
def filters_page_with_a_mistake(cast: Cast) -> str:
    rows.furnished(cast.acme)
    return f"/customers/filters?{FILTERS}&mrr.min=a+lot&customer_since.max=soon"


@scene(act=press("Filter"))
def filters_dialog_of_many_properties(cast: Cast) -> str:
    rows.furnished(cast.acme, kinds=rows.MORE_PROPERTIES)
    return f"/customers?{FILTERS}&mrr_vs_peak.min=half&tenure.is=filled"


@scene()
def filters_page_of_many_properties(cast: Cast) -> str:
    rows.furnished(cast.acme, kinds=rows.MORE_PROPERTIES)
    return "/customers/filters?mrr.min=1&churned.is=no"


@scene()
def customers_of_a_view_whose_property_is_gone(cast: Cast) -> str:
    rows.furnished(cast.acme)
    view = rows.views_of(cast.acme, cast.ada)[0]
    return f"/customers?view={view.id}&plan_of_last_year.has=gold&status.min=3&mrr.min=1"


@scene()
def customers_of_a_view_in_another_currency(cast: Cast) -> str:
    rows.furnished(cast.acme)
    view = rows.views_of(cast.acme, cast.ada)[0]
    view.currency = "USD"
    db.session.commit()
    return f"/customers?view={view.id}&mrr.min=1"


@scene()
def customers_with_the_last_of_many_views_open(cast: Cast) -> str:
    rows.furnished(cast.acme)
    names = [f"View {number:02} of the most that there can be" for number in range(1, 50)]
    view = rows.views_of(cast.acme, cast.ada, [*names, "W" * 60])[-1]
    return f"/customers?view={view.id}"


@scene()
def customers_with_a_view_open(cast: Cast) -> str:
    rows.furnished(cast.acme)
    view = rows.views_of(cast.acme, cast.ada)[1]
    return f"/customers?mrr.min=1&view={view.id}"


@scene(act=press("Save view"))
def save_view_dialog(cast: Cast) -> str:
    return customers_with_a_view_open(cast)


@scene(act=fill("Name", " ", "Save"))
def save_view_page_without_a_name(cast: Cast) -> str:
    rows.furnished(cast.acme)
    return f"/customers/views/new?{FILTERS}"


@scene(act=after(press("Columns"), press("Move MRR down")))
def columns_dialog_with_another_order(cast: Cast) -> str:
    rows.furnished(cast.acme)
    return "/customers"


@scene()
def customers_stale(cast: Cast) -> str:
    rows.furnished(cast.acme, ProviderState.DISCONNECTED)
    return "/customers"


@scene(act=press("Columns"))
def columns_dialog(cast: Cast) -> str:
    rows.furnished(cast.acme)
    return "/customers"


@scene()
def columns_page(cast: Cast) -> str:
    rows.furnished(cast.acme)
    return "/customers/columns"


@scene()
def customer_page(cast: Cast) -> str:
    return f"/customers/{rows.furnished(cast.acme).customers[0].id}"


@scene("max")
def customer_page_seen_by_a_member(cast: Cast) -> str:
    return customer_page(cast)


@scene()
def customer_page_after_changes(cast: Cast) -> str:
    furnished = rows.furnished(cast.acme)
    rows.changes_of(furnished)
    return f"/customers/{furnished.customers[0].id}"


def _history(cast: Cast, place: int, state: str = ProviderState.CONNECTED) -> str:
    furnished = rows.furnished(cast.acme, state)
    rows.changes_of(furnished)
    return f"/customers/{furnished.customers[0].id}/history/{furnished.properties[place].id}"


@scene()
def value_history_of_money(cast: Cast) -> str:
    return _history(cast, 0)


@scene("max")
def value_history_of_a_text_seen_by_a_member(cast: Cast) -> str:
    return _history(cast, 2)


@scene()
def value_history_by_hand_and_empty(cast: Cast) -> str:
    return _history(cast, 5)


@scene()
def value_history_stale(cast: Cast) -> str:
    return _history(cast, 1, ProviderState.DISCONNECTED)


@scene()
def customer_page_without_movements(cast: Cast) -> str:
    return f"/customers/{rows.furnished(cast.acme).customers[5].id}"


@scene()
def customer_page_gone(cast: Cast) -> str:
    found = rows.furnished(cast.acme).customers[1]
    found.gone_at, id_ = now(), found.id
    db.session.commit()
    return f"/customers/{id_}"


@scene(act=fill("Visits", "not a number", "Save Visits"))
def customer_page_wrong_value(cast: Cast) -> str:
    acme = rows.furnished(cast.acme)
    acme.properties[-1].name, acme.properties[-1].type = "Visits", "number"
    id_ = acme.customers[0].id
    db.session.commit()
    return f"/customers/{id_}"
