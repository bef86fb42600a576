"""Who is told how builds went: with consent, once, and without a say in how they end."""

import os
import signal
import subprocess
import sys
import time

import msgspec
import pytest
from msgspec.structs import replace

from imgbuild.errors import Unanswered
from imgbuild.notify import webhook
from imgbuild.providers import PROVIDERS
from tests.vendors.server import Answer, serving
from tests.vendors.webhook import Hook

PATH = "/services/T0/secret"
SPEC = """\
models:
  paint: {provider: painter}
assets:
  shots:
    prompt: "Photo of {{ name }}"
    matrix: {name: [chair, lamp, table]}
    models: [paint]
    size: 16x16
"""


@pytest.fixture
def hook():
    return Hook()


@pytest.fixture
def address(hook):
    with serving(hook) as base:
        yield base + PATH


@pytest.fixture
def shop(bench, painter, address, monkeypatch):
    """A shop whose builds tell the hook of all that can happen, as its user wants it."""
    monkeypatch.setenv("IMGBUILD_NOTIFY_URL", address)
    return bench(
        {"specs/catalog.yaml": SPEC, "imgbuild.yaml": "notify: {on: [failed, refused, budget, done]}\n"}
    )


@pytest.fixture
def vendor(painter, monkeypatch):
    """The painter as a seller, one request at a time."""

    class Vendor(painter):
        name = "vendor"
        paid = True

        def capabilities(self, model):
            return replace(super().capabilities(model), concurrency=1)

        def price(self, request):
            return 0.25

    monkeypatch.setitem(PROVIDERS._loaded, "vendor", Vendor)
    return Vendor


def texts(hook):
    return [told["text"].partition(" in ")[0] for told in hook.told]


# --- what is told ---------------------------------------------------------------------------------------


def test_a_build_that_went_well(shop, hook, address):
    told = shop.tell("build")
    assert (told.code, told.err) == (0, "")
    (message,) = hook.told
    assert message["happened"] == ["done"]
    assert (message["project"], message["exit_code"], message["built"]) == ("project", 0, 3)
    assert texts(hook) == ["project: built 3"]
    assert "secret" not in told.out


def test_a_build_with_nothing_to_do_tells_nobody_and_loads_nothing(shop, hook):
    shop.tell("build")
    env = {"IMGBUILD_NOTIFY_URL": os.environ["IMGBUILD_NOTIFY_URL"]}
    program = [
        "-c",
        "import sys; from imgbuild.store.snapshot import recall; import os\n"
        "told = recall(['build'], os.environ, os.getcwd())\n"
        "print(told, sorted(name for name in sys.modules if 'notify' in name or name == 'urllib.request'))",
    ]
    shop.write({"specs/catalog.yaml": SPEC.replace("painter", "placeholder")})
    assert shop.call("build", env=env).code == 0
    assert len(hook.asked) == 2
    done = subprocess.run(
        [sys.executable, *program],
        cwd=shop.root,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "('up to date (3 targets)', 0) []\n"
    assert shop.call("build", env=env).out == "up to date (3 targets)\n"
    assert shop.call("build", "--json", env=env).code == 0  # this one does look
    assert len(hook.asked) == 2


def test_failures_refusals_and_no_more_than_once(shop, hook, painter):
    painter.refuses.add("lamp")
    assert shop.tell("build").code == 1
    (message,) = hook.told
    assert message["happened"] == ["failed", "refused"]
    assert message["failures"] == [
        {
            "target": "catalog/shots[name=lamp]@paint#0",
            "cause": "'Photo of lamp' will not be painted",
            "hint": "ask for something else",
        }
    ]
    assert message["refusals"][0]["said"] == "'Photo of lamp' will not be painted"
    shop.edit("specs/catalog.yaml", ("chair, ", "bed, chair, "))
    assert shop.tell("build").code == 1
    assert (len(hook.told), hook.told[-1]["happened"]) == (1, ["failed", "refused"])


def test_only_what_is_asked_for_is_told(shop, hook, painter):
    shop.write({"imgbuild.yaml": "notify: {on: [refused]}\n"})
    shop.tell("build")
    assert hook.told == []
    painter.refuses.add("bed")
    shop.edit("specs/catalog.yaml", ("chair, ", "bed, chair, "))
    shop.tell("build")
    assert texts(hook) == ["project: 3 up to date, 1 failed"]


def test_without_a_word_on_it_a_build_that_went_well_is_no_news(shop, hook):
    shop.write({"imgbuild.yaml": "{}\n"})
    shop.tell("build")
    assert hook.asked == []


def test_the_variable_alone_is_enough(shop, hook, painter):
    shop.write({"imgbuild.yaml": None})
    painter.refuses.add("lamp")
    shop.tell("build")
    assert texts(hook) == ["project: built 2, 1 failed"]


def test_of_a_profile(shop, hook):
    shop.write({"imgbuild.yaml": "notify: {on: [done]}\nprofiles: {preview: {size: 8x8}}\n"})
    shop.tell("build", "--profile", "preview")
    assert texts(hook) == ["project (preview): built 3"]
    assert hook.told[0]["profile"] == "preview"


def test_a_template(shop, hook):
    shop.write(
        {"imgbuild.yaml": "notify: {on: [done], template: {content: '{{ project }}: {{ built }}', n: 1}}\n"}
    )
    assert shop.tell("build", "--trust").err == ""
    assert hook.told == [{"content": "project: 3", "n": 1}]


def test_a_template_that_can_not_be_filled_stops_the_build_before_it_begins(shop, hook, painter):
    shop.write({"imgbuild.yaml": "notify:\n  template:\n    content: 'built {{ bilt }}'\n"})
    assert shop.tell("build", "--trust") == (
        2,
        "",
        "imgbuild.yaml:3:24: unknown variable 'bilt'\n"
        "    3 |     content: 'built {{ bilt }}'\n"
        "      |                        ^^^^\n"
        "hint: did you mean 'built'? Variables here: built, cost, exit_code, failed, failures, fresh, generated, "
        "happened, month, profile, …\n",
    )
    assert (hook.asked, painter.asked) == ([], [])


# --- budgets --------------------------------------------------------------------------------------------


def paid(shop, budget, rule=""):
    shop.write(
        {
            "imgbuild.yaml": f"notify: {{on: [budget]}}\nbudget: {{{budget}}}\n",
            "specs/catalog.yaml": SPEC.replace("painter", "vendor").replace("    size", f"{rule}    size"),
        }
    )


def test_a_build_that_its_budget_does_not_let_begin(shop, hook, vendor):
    paid(shop, "month: 0.5")
    assert shop.tell("build").code == 2
    assert texts(hook) == ["project: this build would cost about $0.75, and $0.50 is left to spend"]
    assert hook.told[0]["happened"] == ["budget"]


def test_a_build_that_its_budget_stops(shop, hook, vendor):
    paid(shop, "build: 0.75", "    validate: [{brightness: {min: 1.0, on_fail: reroll}}]\n")
    assert shop.tell("build").code == 1
    (message,) = hook.told
    assert message["happened"] == ["failed", "budget"]
    assert message["text"].endswith("$0.75; stopped for its budget")
    assert message["month"] is None


def test_most_of_the_month_is_spent(shop, hook, vendor):
    paid(shop, "month: 1.25")
    shop.tell("build")
    assert hook.asked == []
    shop.edit("specs/catalog.yaml", ("chair, ", "bed, chair, "))
    assert shop.tell("build").code == 0
    (message,) = hook.told
    assert message["text"].endswith("; $1.00 of the $1.25 for this month are spent")
    assert message["month"] == {"limit": 1.25, "spent": 1.0}


# --- what goes wrong ------------------------------------------------------------------------------------


def test_what_it_answers_changes_nothing(shop, hook, address):
    hook.first.append(Answer(500, b"oh"))
    told = shop.tell("build")
    host = address.removeprefix("http://").removesuffix(PATH)
    assert (told.code, told.err) == (0, f"warning: the notification was not sent: {host} answered 500\n")
    assert told.out.splitlines()[-1].startswith("built 3 in ")
    assert len(hook.asked) == 1


def test_offline_nobody_is_told(shop, hook):
    shop.tell("build", "-s", "name=lamp")
    hook.asked.clear()
    assert shop.tell("build", "--offline").code == 0
    shop.edit("specs/catalog.yaml", ("chair, ", "bed, chair, "))
    assert shop.tell("build", "--frozen").code == 5
    assert hook.asked == []


def test_who_ends_a_build_by_ctrl_c_needs_no_message(shop, hook, painter, monkeypatch):
    def interrupt(self, requests):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)
        raise Unanswered("stopped")

    monkeypatch.setattr(painter, "generate", interrupt)
    assert shop.tell("build").code == 130
    assert hook.asked == []


def test_ctrl_c_ends_the_wait_for_a_webhook(shop, hook, monkeypatch):
    monkeypatch.setattr(webhook, "LIMIT", 60)

    def slow(asked):
        os.kill(os.getpid(), signal.SIGINT)
        return Answer(200, b"", seconds=3)

    hook.first.append(slow)
    began = time.monotonic()
    told = shop.tell("build")
    assert (told.code, told.err) == (0, "")
    assert time.monotonic() - began < 2.5


def test_each_build_of_a_watch_is_told(shop, hook, monkeypatch, painter):
    path = str(shop.root / "specs/catalog.yaml")

    def bursts(root, ignored, stop):
        while not hook.told and not stop.wait(0.01):
            pass
        shop.edit("specs/catalog.yaml", ("chair, ", "bed, chair, "))
        yield {("changed", path)}
        yield set()

    monkeypatch.setattr("imgbuild.commands.watch.watched", bursts)
    assert shop.tell("watch").code == 0
    assert texts(hook) == ["project: built 3", "project: built 1, 3 up to date"]


# --- consent --------------------------------------------------------------------------------------------


@pytest.fixture
def theirs(shop, address, monkeypatch):
    """The shop, where the address stands in a file of the project, as a stranger could write it."""
    monkeypatch.delenv("IMGBUILD_NOTIFY_URL")
    shop.write({"imgbuild.yaml": f"notify:\n  url: {address}\n  on: [done]\n"})
    return shop


def listed(address, line=2):
    host = address.removeprefix("http://").removesuffix(PATH)
    shown = f"http://{host}{'*' * len(PATH)}"
    wants = f"sends how builds go (names of targets, and what went wrong with them) to {host}"
    return (
        f"imgbuild.yaml:{line}:8: setting 'notify' {wants}\n"
        f"    {line} |   url: {shown}\n"
        f"      |        {'^' * len(shown)}\n"
    )


HINT = "hint: if you trust whoever that is, say so by `imgbuild trust`; --trust does for this run alone\n"


def test_an_address_of_the_project_needs_consent(theirs, hook, painter, address):
    assert theirs.tell("build") == (2, "", listed(address) + HINT)
    assert (hook.asked, painter.asked) == ([], [])
    assert theirs.tell("trust", "--yes").out == (
        f"{listed(address)}consented to 1 declaration; `imgbuild trust --revoke` forgets it\n"
    )
    assert theirs.tell("build").code == 0
    assert texts(hook) == ["project: built 3"]


def test_as_json(theirs, address):
    row = msgspec.json.decode(theirs.tell("trust", "--json", "--yes").out)
    assert (row["setting"], row["spec"], row["where"]) == ("notify", "", "imgbuild.yaml:2:8")
    assert "secret" not in row["wants"]


def test_another_account_of_the_same_host_asks_again(theirs, hook, address):
    theirs.tell("trust", "--yes")
    theirs.edit("imgbuild.yaml", ("secret", "theirs"))
    assert theirs.tell("build").code == 2
    theirs.edit(
        "imgbuild.yaml", ("theirs", "secret"), ("notify:\n", "notify:\n\n"), ("[done]", "[done, failed]")
    )
    assert theirs.tell("build").code == 0
    assert len(hook.asked) == 1


def test_consent_for_one_run(theirs, hook):
    assert theirs.tell("build", "--trust").code == 0
    assert len(hook.asked) == 1


def test_no_consent_is_kept_with_the_address_in_it(theirs, tmp_path_factory):
    theirs.tell("trust", "--yes")
    kept = [path.read_bytes() for path in (tmp_path_factory.getbasetemp() / "state").rglob("*.json")]
    assert kept
    assert not any(b"secret" in data for data in kept)


def test_the_users_own_settings_need_none(theirs, hook, address, monkeypatch, tmp_path):
    theirs.write({"imgbuild.yaml": "{}\n"})
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "imgbuild").mkdir()
    (tmp_path / "imgbuild/config.yaml").write_text(f"notify: {{url: '{address}', on: [done]}}\n")
    assert theirs.tell("build").code == 0
    assert len(hook.asked) == 1


def test_what_a_project_writes_to_the_users_address_needs_it(shop, hook, address):
    shop.write({"imgbuild.yaml": "notify: {on: [done], template: {text: '<!channel>'}}\n"})
    host = address.removeprefix("http://").removesuffix(PATH)
    told = shop.tell("build")
    assert told.err.splitlines()[0] == (
        f"imgbuild.yaml:1:32: setting 'notify' writes what {host} is told of how builds go"
    )
    assert (told.code, hook.asked) == (2, [])


def test_a_check_needs_none(theirs):
    theirs.tell("build", "--trust")
    assert theirs.tell("check").code == 0
    assert theirs.tell("plan").code == 0


def test_nothing_that_was_written_holds_the_address(shop, hook):
    shop.tell("build")
    found = [path for path in shop.root.rglob("*") if path.is_file() and b"T0/secret" in path.read_bytes()]
    assert found == []
