"""The pages: one blueprint each; what belongs to a larger page is nested in its blueprint."""

from webapp.pages import (
    account,
    attributes,
    auth,
    columns,
    customers,
    dashboard,
    definitions,
    exports,
    factor_places,
    factors,
    filters,
    health_score,
    histories,
    impersonations,
    imports,
    keys,
    notices,
    opinions,
    properties,
    property_pieces,
    providers,
    score_drafts,
    score_versions,
    set_ups,
    starter_set,
    support,
    system,
    values,
    views,
)

for module in (columns, exports, filters, histories, opinions, values, views):
    customers.blueprint.register_blueprint(module.blueprint)
for part in (definitions.blueprint, property_pieces.blueprint, attributes.blueprint, starter_set.blueprint):
    properties.blueprint.register_blueprint(part)
for part in (score_drafts.blueprint, factors.blueprint, factor_places.blueprint, score_versions.blueprint):
    health_score.blueprint.register_blueprint(part)
for part in (keys.blueprint, set_ups.self_serve):
    providers.blueprint.register_blueprint(part)
for part in (set_ups.blueprint, impersonations.blueprint):
    support.blueprint.register_blueprint(part)

BLUEPRINTS = tuple(
    module.blueprint
    for module in (
        account,
        auth,
        customers,
        dashboard,
        health_score,
        imports,
        notices,
        properties,
        providers,
        support,
        system,
    )
)
