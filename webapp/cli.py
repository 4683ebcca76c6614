"""The command line: tenants, users and the demo's cast. Passwords are prompted for, or NEW_USER_PASSWORD."""

import os
import re
from uuid import UUID

import click
import pyotp
from flask import Flask
from flask.cli import AppGroup
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from webapp import audit, credentials, sessions
from webapp.extensions import db
from webapp.models import Role, Tenant, User

EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
DEMO_PASSWORD = "correct-horse-42"
DEMO_CAST = (
    ("Acme", "ada@acme.example", Role.ADMIN),
    ("Acme", "max@acme.example", Role.MEMBER),
    ("Globex", "gil@globex.example", Role.ADMIN),
    ("Globex", "mia@globex.example", Role.MEMBER),
    (None, "sam@customerscore.example", Role.STAFF),
)

tenants = AppGroup("tenants", help="Companies that use Customerscore.")
users = AppGroup("users", help="People who sign in.")
demo = AppGroup("demo", help="The cast of the demo.")


@tenants.command("create")
@click.argument("name")
def create_tenant(name: str) -> None:
    """Create a tenant and print its slug."""
    if not name.strip():
        raise click.ClickException("A tenant needs a name.")
    tenant = add_tenant(name.strip()[:120])
    db.session.commit()
    click.echo(tenant.slug)


@users.command("create")
@click.argument("email")
@click.option("--tenant", "slug", help="The tenant's slug.")
@click.option("--role", type=click.Choice([Role.ADMIN.value, Role.MEMBER.value]))
@click.option("--staff", is_flag=True, help="Support staff of Customerscore, of no tenant.")
def create_user(email: str, slug: str | None, role: str | None, staff: bool) -> None:
    """Create a user; the password is prompted for, or taken from NEW_USER_PASSWORD."""
    if staff == bool(slug or role) or bool(slug) != bool(role):
        raise click.UsageError("Give either --staff, or --tenant and --role.")
    tenant = db.session.scalar(select(Tenant).where(Tenant.slug == slug)) if slug else None
    if slug and tenant is None:
        raise click.ClickException(f"There is no tenant {slug!r}.")
    password = os.environ.get("NEW_USER_PASSWORD") or click.prompt(
        "Password", hide_input=True, confirmation_prompt=True
    )
    try:
        add_user(email, Role(role) if role else Role.STAFF, tenant.id if tenant else None, password)
        db.session.commit()
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    except IntegrityError:
        raise click.ClickException(f"There is a user {email} already.") from None
    click.echo(f"Created {email}.")


@users.command("second-factor")
@click.argument("email")
def give_second_factor(email: str) -> None:
    """Give a user a new one-time-code secret and print it, once, for an authenticator app. Ends the user's sessions."""
    user = db.session.scalar(select(User).where(User.email == email.strip().lower()))
    if user is None:
        raise click.ClickException(f"There is no user {email}.")
    secret = user.new_second_factor(credentials.seal())
    sessions.end_sessions_of(user.id)
    audit.record("user:second_factor", user)
    db.session.commit()
    click.echo(pyotp.TOTP(secret).provisioning_uri(user.email, "Customerscore"))


@demo.command("seed")
def seed_demo() -> None:
    """Create two tenants with their people and one of support, and print how to sign in. May run again."""
    for tenant_name, email, role in DEMO_CAST:
        tenant = db.session.scalar(select(Tenant).where(Tenant.name == tenant_name)) if tenant_name else None
        if tenant_name and tenant is None:
            tenant = add_tenant(tenant_name)
        if db.session.scalar(select(User).where(User.email == email)) is None:
            add_user(email, role, tenant.id if tenant else None, DEMO_PASSWORD)
    db.session.commit()
    click.echo("Accounts: e-mail, password, role")
    for tenant_name, email, role in DEMO_CAST:
        click.echo(f"  {email:<26} {DEMO_PASSWORD}  {role.value} of {tenant_name or 'Customerscore (support)'}")


def add_tenant(name: str) -> Tenant:
    """A new tenant with a slug of its own; the caller commits."""
    base = slug = Tenant.slug_for(name)
    number = 1
    while db.session.scalar(select(Tenant.id).where(Tenant.slug == slug)):
        number += 1
        slug = f"{base}-{number}"
    tenant = Tenant(name=name, slug=slug)
    db.session.add(tenant)
    db.session.flush()
    audit.record("tenant:created", tenant, tenant_id=tenant.id, name=name)
    return tenant


def add_user(email: str, role: Role, tenant_id: UUID | None, password: str) -> User:
    """A new user; the caller commits. ValueError says what is wrong with the address or the password."""
    email = email.strip().lower()
    if not EMAIL.match(email) or len(email) > 254:
        raise ValueError(f"{email!r} is not an e-mail address.")
    user = User(email=email, role=role, tenant_id=tenant_id)
    user.set_password(password)
    db.session.add(user)
    db.session.flush()
    audit.record("user:created", user, tenant_id=tenant_id, email=email, role=role.value)
    return user


def install(app: Flask) -> None:
    for group in (tenants, users, demo):
        app.cli.add_command(group)
