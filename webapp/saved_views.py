"""The views of the customers' list that a user has kept."""

from typing import Any
from uuid import UUID

from flask_login import current_user

from webapp.customer_list import CustomerQuery
from webapp.extensions import db
from webapp.models import SavedView
from webapp.tenancy import owned
from webapp.units import other_currency
from webapp.values import PropertyType


def views_of(user: Any) -> list[SavedView]:
    return list(db.session.scalars(owned(SavedView).where(SavedView.user_id == user.id).order_by(SavedView.name)))


def open_view(id_: str) -> SavedView | None:
    """The current user's view of this id, as an address names it; None for any other."""
    try:
        mine = SavedView.id == UUID(id_), SavedView.user_id == current_user.id
    except ValueError:
        return None
    found: SavedView | None = db.session.scalar(owned(SavedView).where(*mine))
    return found


def of_another_currency(view: SavedView | None, query: CustomerQuery, currency: str | None) -> str | None:
    """What to say if the open view has amounts that were meant in another currency than the account's."""
    amounts = [each for each in query.filters if each.of.type == PropertyType.MONEY and each.kind in ("min", "max")]
    if view is None or not any(view.args.get(each.parameter) == each.sent for each in amounts):
        return None
    return other_currency("This view’s amounts", view.currency, currency)
