"""Every model, so that one import knows all tables."""

from webapp.models.accounts import Impersonation, Role, Tenant, User, UserSession
from webapp.models.customers import Customer
from webapp.models.health import HealthVersion, ScoreDay, Scoring, SecondOpinion
from webapp.models.imports import LIVE_IMPORT_STATES, Import, ImportPage, ImportState, ImportWarning, Reason, Trigger
from webapp.models.movements import Movement
from webapp.models.notices import MailState, Notice, NoticeKind, NoticeMail, NoticeReader, NoticeReading
from webapp.models.properties import Property, Source
from webapp.models.property_versions import PropertyVersion
from webapp.models.providers import Provider, ProviderState
from webapp.models.values import CustomerValues, ValueChange
from webapp.models.views import SavedView

__all__ = [
    "LIVE_IMPORT_STATES",
    "Customer",
    "CustomerValues",
    "HealthVersion",
    "Impersonation",
    "Import",
    "ImportPage",
    "ImportState",
    "ImportWarning",
    "MailState",
    "Movement",
    "Notice",
    "NoticeKind",
    "NoticeMail",
    "NoticeReader",
    "NoticeReading",
    "Property",
    "PropertyVersion",
    "Provider",
    "ProviderState",
    "Reason",
    "Role",
    "SavedView",
    "ScoreDay",
    "Scoring",
    "SecondOpinion",
    "Source",
    "Tenant",
    "Trigger",
    "User",
    "UserSession",
    "ValueChange",
]
