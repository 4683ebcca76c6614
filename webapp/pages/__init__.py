"""The pages: one blueprint each."""

from webapp.pages import auth, customers, imports, properties, providers, support, system

BLUEPRINTS = tuple(
    module.blueprint for module in (auth, customers, imports, properties, providers, support, system)
)
