"""The customers of a list as a CSV file, made in slices: however many there are, memory holds a few."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from io import BytesIO
from itertools import islice
from uuid import UUID

from webapp.customer_columns import Column, fetch_values
from webapp.customer_list import CustomerQuery
from webapp.extensions import db
from webapp.models import Customer, CustomerValues, Property, Provider
from webapp.spreadsheets import csv_text, harmless
from webapp.tenancy import acting_for, owned, rows_in_parts
from webapp.values import WORDED, PropertyType, csv_value

SLICE = 500
HEAD = ("name", "external_id", "chartmogul_uuid")
SCORE_HEAD = ("score", "grade", "trend")


def exported_properties(properties: Sequence[Property], chosen: Sequence[Column]) -> list[Property]:
    """All properties, the chosen columns first. They leave the session, because they outlive its transaction."""
    first = [column.of_property for column in chosen if column.of_property is not None]
    rest = [property_ for property_ in properties if property_ not in first]
    for property_ in properties:
        db.session.expunge(property_)
    return first + rest


def _ordered_uuids(provider_id: UUID, query: CustomerQuery) -> BytesIO:
    """ChartMogul's uuids of all customers of a list, in its order, a line each: 100,000 are 4 MB."""
    listed = query.listed(db.session.scalars(owned(Provider).where(Provider.id == provider_id)).one())
    uuids = listed.rows.with_only_columns(listed.uuid).order_by(*query.order(listed))
    lines = BytesIO()
    with rows_in_parts(uuids, SLICE * 10) as parts:
        for some in parts:
            lines.write("\n".join([*(uuid for (uuid,) in some), ""]).encode())
    lines.seek(0)
    return lines


def csv_lines(
    tenant_id: UUID,
    provider_id: UUID | None,
    query: CustomerQuery,
    properties: Sequence[Property],
    with_score: bool = False,
) -> Iterator[str]:
    """The file, a slice at a time; each is a transaction of its own, so that a slow reader holds none. What goes wrong
    on the way breaks the answer off, which a browser tells."""
    head = [*HEAD, *(property_.codename for property_ in properties), *(SCORE_HEAD if with_score else ())]
    yield csv_text([head])
    if provider_id is None:
        return
    with acting_for(tenant_id):
        uuids = _ordered_uuids(provider_id, query)
        db.session.rollback()
    while some := [line.decode().strip() for line in islice(uuids, SLICE)]:
        with acting_for(tenant_id):
            rows = _rows(provider_id, some, properties, with_score)
            db.session.rollback()
        yield csv_text(rows)


def _rows(provider_id: UUID, uuids: Sequence[str], properties: Sequence[Property], with_score: bool) -> list[list[str]]:
    """The rows of these customers in this order; one that was deleted meanwhile is left out."""
    columns = (Customer.id, Customer.provider_id, Customer.uuid, Customer.name, Customer.external_id)
    these = owned(Customer, *columns).where(Customer.among(provider_id, uuids))
    by_uuid = {row.uuid: row for row in db.session.execute(these)}
    found = [by_uuid[uuid] for uuid in uuids if uuid in by_uuid]
    values, scores = fetch_values(found, properties), _scores(provider_id, uuids) if with_score else {}
    types = [PropertyType(property_.type) for property_ in properties]
    rows = []
    for at, row in enumerate(found):
        cells = [harmless(text or "") for text in (row.name, row.external_id, row.uuid)]
        for type_, column in zip(types, values, strict=True):
            cell = csv_value(type_, column[at])
            cells.append(harmless(cell) if type_ in WORDED else cell)
        cells += scores.get(row.uuid, [""] * len(SCORE_HEAD)) if with_score else []
        rows.append(cells)
    return rows


def _scores(provider_id: UUID, uuids: Sequence[str]) -> dict[str, list[str]]:
    """Score, grade and trend by uuid: points with one decimal, empty is empty."""
    columns = CustomerValues.uuid, CustomerValues.score, CustomerValues.grade, CustomerValues.trend
    these = CustomerValues.provider_id == provider_id, CustomerValues.uuid.in_(uuids)
    return {
        uuid: [_points(score), "" if grade is None else str(grade), _points(trend)]
        for uuid, score, grade, trend in db.session.execute(owned(CustomerValues, *columns).where(*these))
    }


def _points(tenths: int | None) -> str:
    return "" if tenths is None else str(Decimal(tenths).scaleb(-1))
