"""The views of the customers' list that a user has kept."""

from typing import Any
from uuid import UUID

from flask_login import current_user

from webapp.extensions import db
from webapp.models import SavedView
from webapp.tenancy import owned


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
