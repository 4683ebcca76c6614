"""The pages: one blueprint each; what belongs to a larger page is nested in its blueprint."""

from webapp.pages import (
    account,
    attributes,
    auth,
    columns,
    customers,
    dashboard,
    filters,
    histories,
    impersonations,
    imports,
    keys,
    notices,
    properties,
    property_pieces,
    providers,
    set_ups,
    starter_set,
    support,
    system,
    values,
    views,
)

for part in (columns.blueprint, filters.blueprint, histories.blueprint, values.blueprint, views.blueprint):
    customers.blueprint.register_blueprint(part)
for part in (property_pieces.blueprint, attributes.blueprint, starter_set.blueprint):
    properties.blueprint.register_blueprint(part)
for part in (keys.blueprint, set_ups.self_serve):
    providers.blueprint.register_blueprint(part)
for part in (set_ups.blueprint, impersonations.blueprint):
    support.blueprint.register_blueprint(part)

BLUEPRINTS = tuple(
    module.blueprint
    for module in (account, auth, customers, dashboard, imports, notices, properties, providers, support, system)
)
