"""Every model, so that one import knows all tables."""

from webapp.models.accounts import Impersonation, Role, Tenant, User, UserSession
from webapp.models.customers import Customer, Movement
from webapp.models.imports import LIVE_IMPORT_STATES, Import, ImportPage, ImportState, ImportWarning, Reason, Trigger
from webapp.models.properties import FilledCustomer, Property, PropertyValue, Source
from webapp.models.property_versions import PropertyVersion
from webapp.models.providers import Provider, ProviderState

__all__ = [
    "LIVE_IMPORT_STATES",
    "Customer",
    "FilledCustomer",
    "Impersonation",
    "Import",
    "ImportPage",
    "ImportState",
    "ImportWarning",
    "Movement",
    "Property",
    "PropertyValue",
    "PropertyVersion",
    "Provider",
    "ProviderState",
    "Reason",
    "Role",
    "Source",
    "Tenant",
    "Trigger",
    "User",
    "UserSession",
]
