"""Who may know whom: read from the source, so that it holds for code that no test runs."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.guards.world import nothing
from webapp.chartmogul.client import Client

ROOT = Path(__file__).resolve().parents[2]
Call = tuple[str, ast.Call]


def sources(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if "versions" not in path.parts]


OURS = sources("webapp", "worker")
TREES = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text()) for path in OURS}


def imports_of(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def dotted(node: ast.AST) -> str:
    """`db.session.get` for the expression of that name; what is called on a call's result begins with `()`."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "()"


def calls_of(tree: ast.AST) -> Iterator[Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield dotted(node.func), node


def importers(name: str) -> set[str]:
    """The files that import a package or anything of it."""
    return {
        path
        for path, tree in TREES.items()
        if any(imported == name or imported.startswith(f"{name}.") for imported in imports_of(tree))
    }


def callers(*ends: str) -> set[str]:
    """The files that call something whose dotted name ends so."""
    return {
        path
        for path, tree in TREES.items()
        if any(name == end or name.endswith(f".{end}") for name, _ in calls_of(tree) for end in ends)
    }


def test_webapp_never_imports_the_worker():
    assert not {path for path in importers("worker") if path.startswith("webapp/")}


@pytest.mark.parametrize("package", ["simulator", "tests", "benchmarks"])
def test_app_and_worker_know_nothing_of_what_tries_them(package: str):
    assert not importers(package)


def test_simulator_knows_nothing_of_the_app():
    known = {name.split(".")[0] for path in sources("simulator") for name in imports_of(ast.parse(path.read_text()))}

    assert not known & {"webapp", "worker", "tests"}


def test_models_know_no_page_and_no_form():
    below = {path for path in TREES if path.startswith("webapp/") and not path.startswith("webapp/pages/")}

    assert importers("webapp.pages") & below <= {"webapp/__init__.py"}
    assert not {path for path in importers("webapp.forms") if path.startswith("webapp/models/")}
    assert not {path for path in importers("flask") if path.startswith("webapp/models/")}


def test_pure_modules_ask_neither_database_nor_request():
    pure = {
        "webapp/values.py",
        "webapp/health.py",
        "webapp/falls.py",
        "webapp/score_sentences.py",
        "webapp/chartmogul/records.py",
        "webapp/chartmogul/fields.py",
    }
    for package in ("flask", "sqlalchemy", "webapp.extensions", "webapp.models", "redis", "requests"):
        assert not importers(package) & pure, f"{package} in a module that is pure"


def test_only_the_worker_reads_keys():
    readers = callers("load_key") | callers("store().read", "().read")

    assert {path for path in readers if not path.startswith("worker/")} <= {"webapp/credentials.py"}


def test_only_the_queue_touches_rq_on_the_web_side():
    assert {path for path in importers("rq") if path.startswith("webapp/")} == {"webapp/queue.py"}


def test_only_the_settings_read_the_environment():
    readers = {
        path
        for path, tree in TREES.items()
        if any(
            (isinstance(node, ast.Attribute) and dotted(node) in ("os.environ", "os.getenv"))
            or (
                isinstance(node, ast.ImportFrom) and node.module == "os" and node.names[0].name in ("environ", "getenv")
            )
            for node in ast.walk(tree)
        )
    }

    assert readers == {"webapp/cli.py"}, "settings stand in webapp/config.py; cli.py reads NEW_USER_PASSWORD alone"
    assert (ROOT / "webapp/cli.py").read_text().count("os.environ") == 1
    assert 'os.environ.get("NEW_USER_PASSWORD")' in (ROOT / "webapp/cli.py").read_text()


# Ways around the tenant, and who may take them: the net's own module, and what is said beside.
AROUND = {
    # conditions of partial indexes
    "text": {f"webapp/models/{name}.py" for name in ("accounts", "imports", "notices", "providers")},
    "literal_column": set[str](),
    "exec_driver_sql": {"webapp/extensions.py"},  # how SQLite begins a transaction
    "session.connection": {"webapp/tenancy.py"},  # upsert_rows, which writes the tenant itself
    "engine.connect": {"webapp/migrations/env.py"},
    "get_bind": {"webapp/tenancy.py"},  # which database is it
    # slices of one model, with nothing joined to it but rows by owned()
    "read_rows": {"worker/refresh.py", "worker/scores.py", "worker/slices.py"},
    "rows_in_parts": {"worker/save.py", "webapp/customer_csv.py"},  # all ids of an account
    "write_rows": {"worker/lease.py"},  # the import's own row, with each page
    "db.session.get": {"webapp/pages/auth.py"},  # the user of a session
    "db.session.get_one": {"webapp/impersonation.py"},  # support's own rows
    "db.session.merge": set[str](),
    "bulk_save_objects": set[str](),
    "bulk_insert_mappings": set[str](),
    "bulk_update_mappings": set[str](),
    "from_statement": set[str](),
    "set_tenant": {"webapp/gate.py"},
}


@pytest.mark.parametrize("way", AROUND)
def test_nobody_goes_around_the_tenant(way: str):
    assert callers(way) <= AROUND[way] | {"webapp/tenancy.py"}, f"{way}() passes by webapp/tenancy.py: use owned()"


def test_only_the_clock_support_and_the_command_line_read_across_tenants():
    allowed = {
        "worker/schedule.py",
        "worker/notices.py",
        "worker/mails.py",
        "webapp/pages/support.py",
        "webapp/cli.py",
        "webapp/demo.py",
    }

    assert callers("across_tenants") <= allowed


def test_tables_are_named_only_where_the_tenant_is_named_too():
    """`Model.__table__` is out of the net's sight."""
    users = {
        path
        for path, tree in TREES.items()
        if any(isinstance(node, ast.Attribute) and node.attr == "__table__" for node in ast.walk(tree))
    }

    selected = {"worker/refresh.py", "webapp/models/values.py"}  # the columns of a select by owned()
    assert users <= {"webapp/tenancy.py"} | selected


def test_chartmogul_is_only_ever_asked_with_get():
    client = Client("http://127.0.0.1:1/v1", "a key")
    for method in ("POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"):
        with pytest.raises(RuntimeError, match="only GET"):
            client.session.request(method, "http://127.0.0.1:1/v1/customers", timeout=1)

    assert importers("requests") == {"webapp/chartmogul/client.py"}
    assert not importers("urllib.request") | importers("http.client") | importers("httpx") | importers("chartmogul")


# What opens a connection, and the words without which nobody knows when it gives up.
OUTSIDE = {
    "requests.get": ("timeout",),
    "session.get": (),
    "Redis": ("socket_connect_timeout", "socket_timeout"),
    "Redis.from_url": ("socket_connect_timeout", "socket_timeout"),
    "boto3.client": ("config",),
    "Config": ("connect_timeout", "read_timeout"),
    "psycopg.connect": ("connect_timeout",),
    "create_engine": ("connect_args",),
    "urlopen": ("timeout",),
    "create_connection": ("timeout",),
    "smtplib.SMTP": ("timeout",),
}
# RQ sets the socket's time-out itself: its worker waits in the socket for work. A health score's Config asks nobody.
WAITS_BY_DESIGN = {("worker/__main__.py", "Redis.from_url"), ("webapp/scoring.py", "Config")}


def test_every_call_to_the_outside_gives_up_sometime():
    wrong = []
    for path, tree in TREES.items():
        for name, call in calls_of(tree):
            given = {keyword.arg for keyword in call.keywords}
            for outside, needed in OUTSIDE.items():
                if name == outside and (path, name) not in WAITS_BY_DESIGN:
                    wrong += [f"{path}: {name}() without {word}" for word in needed if word not in given]
        if path == "webapp/chartmogul/client.py":
            # A session would follow redirects; what it sends with needs a timeout.
            asked = [call for name, call in calls_of(tree) if name == "self.adapter.send"]
            by_session = [name for name, _ in calls_of(tree) if name in ("self.session.get", "self.session.request")]
            timed = asked and all("timeout" in {k.arg for k in call.keywords} for call in asked)
            wrong += [path] if by_session or not timed else []

    nothing(wrong)


SECRET_WORDS = {"key", "api_key", "password", "token", "secret", "authorization", "email", "cookie", "name", "headers"}
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


def test_nobody_logs_a_key_a_header_or_a_person():
    wrong = []
    for path, tree in TREES.items():
        for name, call in calls_of(tree):
            owner, _, level = name.rpartition(".")
            if level not in LEVELS or owner.rpartition(".")[2] not in ("log", "logger", "logging", "()"):
                continue
            said = {keyword.arg for keyword in call.keywords} | {dotted(part).rpartition(".")[2] for part in call.args}
            wrong += [f"{path}:{call.lineno} logs {word}" for word in said & SECRET_WORDS]
            wrong += [f"{path}:{call.lineno} logs an f-string" for part in call.args if isinstance(part, ast.JoinedStr)]

    nothing(wrong)
    assert not callers("print"), "webapp and worker log; the command line uses click.echo"


def test_no_error_is_swallowed():
    wrong = []
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.ExceptHandler):
                continue
            caught = dotted(node.type) if node.type else "everything"
            raises = any(isinstance(part, ast.Raise) for part in ast.walk(node))
            passes_on = any(isinstance(part, ast.Name) and part.id == node.name for part in ast.walk(node))
            if caught in ("everything", "Exception", "BaseException") and not raises and not passes_on:
                wrong.append(f"{path}:{node.lineno} catches {caught} and goes on: catch only what you can act on")

    nothing(wrong)


def test_no_page_bypasses_the_escaping_of_templates():
    """Markup is made where every word put into it is escaped by format()."""
    allowed = {"webapp/assets.py", "webapp/charts.py", "webapp/freshness.py", "webapp/rendering.py"}
    # a page has a thousand cells, which a template takes too long for
    allowed |= {"webapp/customer_columns.py", "webapp/customer_scores.py"}

    assert importers("markupsafe") <= allowed
    assert not callers("render_template_string")
    made = [(path, call) for path in allowed for name, call in calls_of(TREES[path]) if name == "Markup"]
    joined = [f"{path}:{call.lineno}" for path, call in made if not isinstance(call.args[0], ast.Constant)]
    nothing([f"{place}: Markup takes a constant; words go in by format()" for place in joined])
