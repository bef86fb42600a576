"""Requests of unknown fate, and whoever may say that they are sent again: a flag, the settings, a person."""

import io
import signal

import click
import pytest
from msgspec.structs import replace
from PIL import Image as pillow

from imgbuild.commands.asking import asks
from imgbuild.commands.session import Session
from imgbuild.errors import TargetError, Unanswered
from imgbuild.images import encode, normal
from imgbuild.providers import PROVIDERS
from imgbuild.store.journal import Journal
from imgbuild.types import Format

SPEC = """
    models: {api: {provider: vendor}}
    assets:
      shots: {prompt: "{{ name }}", matrix: {name: [chair, lamp, table]}, models: [api]}
    """
ASKED = (
    "3 requests of an earlier build have no known end; they may have been paid for (about $0.75). "
    "Send them again? [y/N]: "
)
LOST = "this request was sent before and its answer was lost; it may have been paid for"


class Person(io.StringIO):
    """Somebody at a terminal, who gives these answers."""

    def isatty(self):
        return True


@pytest.fixture
def vendor(painter, monkeypatch):
    """The painter as a seller. loses: words of which the answers are lost on the way."""

    class Vendor(painter):
        name = "vendor"
        paid = network = True
        loses = {"chair", "lamp", "table"}

        def price(self, request):
            return 0.25

        def paint(self, request):
            image = super().paint(request)
            if any(word in request.prompt for word in self.loses):
                raise Unanswered("'vendor' did not answer within 60 s")
            return image

    monkeypatch.setitem(PROVIDERS._loaded, "vendor", Vendor)
    return Vendor


@pytest.fixture
def shop(bench, vendor):
    """A project that lets a person say, all of whose answers were lost."""
    project = bench({"specs/catalog.yaml": SPEC, "imgbuild.yaml": "resend: ask\n"})
    project.build()
    assert len(vendor.asked) == 3
    vendor.asked.clear()
    vendor.loses = set()
    return project


def answer(monkeypatch, text):
    monkeypatch.setattr("sys.stdin", Person(text))


def sent(vendor):
    return sorted(request.prompt for request in vendor.asked)


def in_flight(project):
    return len(Journal(project.root / ".imgbuild/journal", write=False).in_flight())


def test_who_says_yes_has_them_sent(shop, vendor, monkeypatch):
    answer(monkeypatch, "y\n")
    told = shop.tell("build")
    assert (told.code, told.err) == (0, ASKED)
    assert sent(vendor) == ["chair", "lamp", "table"]
    told = shop.tell("build")
    assert (told.out, told.err) == (
        "up to date (3 targets)\n",
        "",
    )  # what they gave is here: nothing is asked
    assert in_flight(shop) == 3  # they count as spent for ever


@pytest.mark.parametrize("said", ["n\n", "\n"])
def test_who_does_not_is_asked_by_the_next_build_again(shop, vendor, monkeypatch, said):
    for _ in range(2):
        answer(monkeypatch, said)
        told = shop.tell("build")
        assert (told.code, told.err) == (1, ASKED)
        assert f"3 failed: {LOST}\n" in told.out
        assert "  hint: send it again with --resend\n" in told.out
    assert vendor.asked == []


def test_nothing_is_sent_before_the_answer(shop, vendor, monkeypatch):
    shop.edit("specs/catalog.yaml", ("[chair, lamp, table]", "[chair, lamp, table, vase]"))
    seen = []
    monkeypatch.setattr("imgbuild.commands.asking._ask", lambda question: seen.append(sent(vendor)) or False)
    answer(monkeypatch, "")
    assert shop.tell("build").code == 1
    assert seen == [[]]
    assert sent(vendor) == ["vase"]


def test_who_goes_away_sends_nothing(shop, vendor, monkeypatch):
    before = signal.getsignal(signal.SIGINT)
    answer(monkeypatch, "")  # the end of the input
    told = shop.tell("build")
    assert (told.code, told.err.removeprefix(ASKED).strip()) == (130, "interrupted")
    assert (vendor.asked, signal.getsignal(signal.SIGINT)) == ([], before)


def test_ctrl_c_ends_the_question_at_once(shop, monkeypatch):
    handlers = []

    def confirm(question, err):
        handlers.append(signal.getsignal(signal.SIGINT))
        raise click.Abort

    monkeypatch.setattr("click.confirm", confirm)
    answer(monkeypatch, "")
    assert shop.tell("build").code == 130
    assert handlers == [signal.default_int_handler]


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_where_nobody_is_there_they_are_not_sent(shop, vendor, monkeypatch, flags):
    monkeypatch.setattr("sys.stdin", Person("y\n") if flags else io.StringIO("y\n"))
    told = shop.tell("build", *flags)
    assert (told.code, told.err, vendor.asked) == (1, "", [])
    assert "send it again with --resend; there was nobody to ask" in told.out


@pytest.mark.parametrize(
    ("setting", "flag", "resends"),
    [
        ("ask", "--resend", True),
        ("ask", "--no-resend", False),
        ("yes", "--no-resend", False),
        ("yes", "", True),
        ("no", "--resend", True),
        ("no", "", False),
    ],
)
def test_a_flag_goes_before_the_setting_and_nobody_is_asked(
    shop, vendor, monkeypatch, setting, flag, resends
):
    shop.write({"imgbuild.yaml": f"resend: {setting}\n"})
    answer(monkeypatch, "")
    told = shop.tell("build", *filter(None, [flag]))
    assert (told.code, told.err) == (0 if resends else 1, "")
    assert sent(vendor) == (["chair", "lamp", "table"] if resends else [])
    assert "nobody to ask" not in told.out


def test_offline_nobody_is_asked(shop, vendor, monkeypatch):
    answer(monkeypatch, "")
    told = shop.tell("build", "--offline")
    assert (told.code, told.err, vendor.asked) == (1, "", [])


def test_only_what_the_build_would_send_is_asked_for(shop, vendor, monkeypatch):
    answer(monkeypatch, "y\n")
    told = shop.tell("build", "-s", "name=lamp")
    assert told.err.startswith(
        "1 request of an earlier build has no known end; it may have been paid for (about $0.25)."
    )
    assert sent(vendor) == ["lamp"]
    shop.edit("specs/catalog.yaml", ("[chair, lamp, table]", "[lamp, vase]"))
    answer(monkeypatch, "")
    assert (shop.tell("build").err, sent(vendor)) == ("", ["lamp", "vase"])


def test_where_nothing_is_lost_nobody_is_asked(bench, vendor, monkeypatch):
    vendor.loses = set()
    answer(monkeypatch, "")
    project = bench({"specs/catalog.yaml": SPEC, "imgbuild.yaml": "resend: ask\n"})
    told = project.tell("build")
    assert (told.code, told.err) == (0, "")


def test_equal_requests_are_one(bench, vendor, monkeypatch):
    spec = """
        models: {api: {provider: vendor}}
        assets:
          one: {prompt: lamp, seeds: [7]}
          two: {prompt: lamp, seeds: [7], process: [grayscale]}
        """
    project = bench({"specs/catalog.yaml": spec, "imgbuild.yaml": "resend: ask\n"})
    project.build()
    vendor.loses = set()
    answer(monkeypatch, "y\n")
    told = project.tell("build")
    assert (told.code, told.err.startswith("1 request of an earlier build has")) == (0, True)


def test_pictures_that_go_in_may_be_files_and_not_yet_other_targets(bench, vendor, monkeypatch):
    """Which request a target makes of another one's picture is known only when that is there."""
    picture = encode(normal(pillow.new("RGB", (16, 16), "red"), "photo.png"), Format())
    spec = """
        models: {api: {provider: vendor}, paint: {provider: painter}}
        assets:
          base: {prompt: ground, models: [paint]}
          file: {prompt: lamp, models: [api], inputs: {image: photo.png}}
          other: {prompt: chair, models: [api], inputs: {image: {asset: base}}}
        """
    project = bench(
        {"specs/catalog.yaml": spec, "specs/photo.png": picture, "imgbuild.yaml": "resend: ask\n"}
    )
    project.build()
    vendor.loses = set()
    project.edit("specs/catalog.yaml", ("prompt: ground", "prompt: floor"))
    answer(monkeypatch, "n\n")
    told = project.tell("build")
    assert told.err.startswith("1 request of an earlier build has no known end;")
    assert f"1 failed: {LOST}\n" in told.out


def test_a_model_that_is_not_pinned_sends_nothing(shop, vendor, monkeypatch):
    def refuse(self, model):
        raise TargetError("it is gone")

    shop.edit("specs/catalog.yaml", ("{provider: vendor}", "{provider: vendor, source: other}"))
    monkeypatch.setattr(vendor, "pin", refuse)
    answer(monkeypatch, "")
    assert (shop.tell("build").err, vendor.asked) == ("", [])


def test_a_terminal_has_somebody_at_it(shop, monkeypatch):
    session = Session(arguments=(), folder=shop.root, root=shop.root, environ={})
    answer(monkeypatch, "")
    assert asks(session) is not None
    assert asks(replace(session, json=True)) is None
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert asks(session) is None
