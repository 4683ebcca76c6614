"""What uses a tenant's properties, and which import filled each last: for all of them at once."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from webapp.customer_columns import chosen_columns, key_of
from webapp.customer_filters import HOW
from webapp.extensions import db
from webapp.models import HealthVersion, Import, Property, SavedView, User
from webapp.score_words import importance, share_of
from webapp.tenancy import current_tenant_id, owned


def shown_to(properties: Sequence[Property]) -> Counter[str]:
    """How many users have each property as a column of their customers' table, by codename. `properties`: all of the
    tenant's, because whoever has chosen no columns sees the first few."""
    choices = select(User.columns).where(User.tenant_id == current_tenant_id(), User.active)
    tables = (chosen_columns(properties, columns) for columns in db.session.scalars(choices))
    shown = (column.of_property for columns in tables for column in columns)
    return Counter(property_.codename for property_ in shown if property_ is not None)


def named_in_views(properties: Sequence[Property]) -> Counter[str]:
    """How many views that users keep name each property: as a column, in a condition or as their order."""
    sorted_by = {key_of(property_.codename): property_.codename for property_ in properties}
    kept = owned(SavedView, SavedView.columns, SavedView.args).join(User, User.id == SavedView.user_id)
    named: Counter[str] = Counter()
    for columns, args in db.session.execute(kept.where(User.active)):
        conditions = (name.rpartition(".")[0] for name in args)
        named.update({*(columns or ()), *conditions, sorted_by.get(args.get("sort", "").removeprefix("-"), "")})
    return named


def follow(before: str, codename: str) -> None:
    """A property gets another codename: what users keep names it by that one from now on. The caller commits."""
    for user in db.session.scalars(select(User).where(User.tenant_id == current_tenant_id())):
        user.columns = _renamed(user.columns, before, codename)
    for view in db.session.scalars(owned(SavedView)):
        view.columns = _renamed(view.columns, before, codename)
        of_it = {f"{before}.{kind}": f"{codename}.{kind}" for kind in HOW}
        args = {of_it.get(name, name): value for name, value in view.args.items()}
        falling, key = "-" * args.get("sort", "").startswith("-"), args.get("sort", "").removeprefix("-")
        view.args = args | ({"sort": falling + key_of(codename)} if key == key_of(before) else {})


def _renamed(columns: list[str] | None, before: str, codename: str) -> list[str] | None:
    # Each once: one may be there already, of a property that was deleted.
    return columns and list(dict.fromkeys(codename if each == before else each for each in columns))


def in_score() -> dict[str, str]:
    """How each property that is a factor is used in the health score, by the hex of its id; a factor of the draft alone
    is said to be."""
    published, draft = HealthVersion.published(), HealthVersion.draft()
    words = {row["property"]: "in the draft" for row in draft.factors} if draft else {}
    rows = published.factors if published else []
    for row in rows:
        words[row["property"]] = f"{importance(row)}, {share_of(row, rows)}"
    return words


def last_imports(properties: Sequence[Property]) -> dict[UUID, Import]:
    """The imports that filled properties last, by their ids."""
    ids = {property_.filled_import_id for property_ in properties} - {None}
    found = db.session.scalars(owned(Import).where(Import.id.in_(ids))) if ids else ()
    return {import_.id: import_ for import_ in found}
