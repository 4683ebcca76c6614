"""The pages: one blueprint each; what belongs to a larger page is nested in its blueprint."""

from webapp.pages import (
    account,
    auth,
    columns,
    customers,
    impersonations,
    imports,
    keys,
    properties,
    property_pieces,
    providers,
    set_ups,
    support,
    system,
    values,
)

for part in (columns.blueprint, values.blueprint):
    customers.blueprint.register_blueprint(part)
properties.blueprint.register_blueprint(property_pieces.blueprint)
for part in (keys.blueprint, set_ups.self_serve):
    providers.blueprint.register_blueprint(part)
for part in (set_ups.blueprint, impersonations.blueprint):
    support.blueprint.register_blueprint(part)

BLUEPRINTS = tuple(
    module.blueprint for module in (account, auth, customers, imports, properties, providers, support, system)
)
