"""Builds through an API that a spec declares: each image paid once, whatever ends a build, and no key anywhere."""

import json
import threading
import time

import pytest

from imgbuild.store.journal import Journal
from tests.vendors.house import CLIENT, KEY, SECRET, House, failure
from tests.vendors.server import Answer, serving

SPEC = """\
    version: 1
    models:
      house:
        provider: http
        size: 64x64
        price: 0.05
        fallback: [placeholder]
        params:
          key: IMGBUILD_HOUSE_KEY
          request:
            url: {address}/v1/url
            json:
              prompt: "{{{{ prompt }}}}"
              negative_prompt: "{{{{ negative }}}}"
              seed: "{{{{ seed }}}}"
              width: "{{{{ width }}}}"
              height: "{{{{ height }}}}"
              steps: "{{{{ params.steps }}}}"
          takes: {{negative: true, seed: true, params: {{steps: {{type: integer, maximum: 50}}}}}}
          answer:
            url: images[0].url
            seed: seed
            prompt: prompt
            reason: error.message
            refused: {{when: error.code == 'moderation'}}
          grade: perceptual
    assets:
      heroes:
        prompt: "a {{{{ color }}}} lamp"
        negative: blurry
        matrix: {{color: [red, blue, gold]}}
        models: [house]
        params: {{steps: 20}}
    """
QUEUE = """\
    version: 1
    models:
      house:
        provider: http
        size: 64x64
        price: 0.05
        params:
          key: IMGBUILD_HOUSE_KEY
          request:
            url: {address}/v1/queue
            json: {{prompt: "{{{{ prompt }}}}"}}
          poll:
            id: task.id
            url: "{address}/v1/tasks/{{{{ id }}}}"
            state: status
            done: [SUCCESS]
            failed: [FAILURE]
            every: 0.01
          answer: {{url: image}}
    assets:
      heroes:
        prompt: "a {{{{ color }}}} lamp"
        matrix: {{color: [red, blue, green, gold, grey, teal]}}
        models: [house]
    """
GONE = "this request was sent before and its answer was lost; it may have been paid for"


@pytest.fixture
def vendor(monkeypatch, webs):
    vendor = House()
    monkeypatch.setenv("IMGBUILD_HOUSE_KEY", KEY)
    with serving(vendor) as address:
        vendor.address = address
        yield vendor
    assert vendor.wrong == []


@pytest.fixture
def shop(bench, vendor):
    return bench({"specs/catalog.yaml": SPEC.format(address=vendor.address)})


@pytest.fixture
def queue(bench, vendor):
    return bench({"specs/catalog.yaml": QUEUE.format(address=vendor.address)})


def drawn(vendor):
    return [asked.fields["prompt"] for asked in vendor.asked if "prompt" in asked.fields]


def entries(project):
    return Journal(project.root / ".imgbuild/journal", write=False).entries()


def wait_until(true):
    until = time.monotonic() + 30
    while not true():
        assert time.monotonic() < until
        time.sleep(0.005)


# --- at once ---------------------------------------------------------------------------------------------


def test_every_image_is_asked_for_and_paid_once(shop, vendor):
    vendor.first = [failure(429, "busy", "slow down", {"Retry-After": "0.01"}), failure(500, "oops", "later")]
    ended = shop.build()
    assert ended.failures == ()
    assert vendor.billed == 3
    assert len(drawn(vendor)) == 5
    assert ended.finished.cost == pytest.approx(3 * 0.05)
    lines = shop.lines()
    assert {(line.grade, line.via) for line in lines.values()} == {("perceptual", "")}
    sent = {asked.fields["prompt"]: asked.fields for asked in vendor.asked if asked.method == "POST"}
    assert {fields["seed"] for fields in sent.values()} == {line.seed for line in lines.values()}
    assert {(fields["steps"], fields["negative_prompt"]) for fields in sent.values()} == {(20, "blurry")}
    assert dict(shop.build().ran) == {}
    assert vendor.billed == 3


def test_only_what_changes_the_picture_makes_it_anew(shop, vendor):
    shop.build()
    shop.edit("specs/catalog.yaml", ("seed: seed", "cost: credits"), ("price: 0.05", "price: 0.06"))
    shop.edit("specs/catalog.yaml", ("key: IMGBUILD_HOUSE_KEY", "key: IMGBUILD_OTHER_KEY\n      timeout: 60"))
    assert dict(shop.build().ran) == {}
    shop.edit("specs/catalog.yaml", ('"{{ prompt }}"', '"{{ prompt }}, at night"'))
    assert "at night" in shop.why("catalog/heroes[color=red]@house#0")
    shop.edit("specs/catalog.yaml", ("key: IMGBUILD_OTHER_KEY", "key: IMGBUILD_HOUSE_KEY"))
    assert shop.build().failures == ()
    assert vendor.billed == 6


def test_a_refusal_falls_back(shop, vendor):
    vendor.refused = ("gold",)
    ended = shop.build()
    assert ended.failures == ()
    assert {name: line.via for name, line in shop.lines().items() if line.via} == {
        "heroes[color=gold]@house#0": "placeholder"
    }


def test_an_answer_that_is_lost_is_not_paid_again_unasked(shop, vendor):
    shop.edit("specs/catalog.yaml", ("[red, blue, gold]", "[red]"))
    vendor.first = [lambda asked: (vendor.answer(asked), Answer(200, b"{", cut=True))[1]]
    (failed,) = shop.build().failures
    assert failed.cause.startswith("the connection was lost: ")
    assert [failure.cause for failure in shop.build().failures] == [GONE]
    assert vendor.billed == 1
    assert shop.build(resend=True).failures == ()
    assert vendor.billed == 2


def test_the_key_is_nowhere(shop, vendor):
    shop.edit(
        "specs/catalog.yaml",
        ("negative: blurry", "negative: blurry\n    metadata: {level: full, sidecar: true}"),
    )
    vendor.first = [failure(400, "bad", f"what is {KEY}?")]
    told = [
        shop.tell("build", "--json", "--trust"),
        shop.tell("doctor"),
        shop.tell("manifest"),
        shop.tell("build"),
    ]
    assert not any(KEY in item.out + item.err for item in told)
    files = [path for path in shop.root.rglob("*") if path.is_file()]
    assert not [path for path in files if KEY.encode() in path.read_bytes()]
    assert len([path for path in files if path.name.endswith(".png.json")]) == 3


def test_tokens_are_fetched_anew_while_a_build_goes_on(shop, vendor, monkeypatch):
    monkeypatch.setenv("IMGBUILD_HOUSE_ID", CLIENT)
    monkeypatch.setenv("IMGBUILD_HOUSE_SECRET", SECRET)
    token = (
        f"{{url: {vendor.address}/token, client_id: IMGBUILD_HOUSE_ID, client_secret: IMGBUILD_HOUSE_SECRET}}"
    )
    shop.edit("specs/catalog.yaml", ("key: IMGBUILD_HOUSE_KEY", f"auth: {{oauth: {token}}}"))
    vendor.first = [
        None,
        lambda asked: vendor.tokens.clear() or vendor.tokens.add("-") or vendor.answer(asked),
    ]
    assert shop.build().failures == ()
    assert (vendor.given, vendor.billed) == (2, 3)
    files = [path for path in shop.root.rglob("*") if path.is_file()]
    secrets = [SECRET.encode(), *(token.encode() for token in vendor.tokens)]
    assert not [path for path in files if any(secret in path.read_bytes() for secret in secrets)]


def test_one_api_that_is_down_stops_no_other(shop, vendor):
    """Each server has its own limits: what one can't do is not held against all that specs declare."""
    text = (shop.root / "specs/catalog.yaml").read_text()
    other = text[text.index("  house:") : text.index("assets:")].replace("  house:", "  bridge:", 1)
    other = other.replace("IMGBUILD_HOUSE_KEY", "IMGBUILD_NO_KEY").replace("/v1/url", "/v1/url?fast")
    text = text.replace("assets:", f"{other}assets:").replace("models: [house]", "models: [bridge, house]")
    shop.write({"specs/catalog.yaml": text})
    ended = shop.build()
    assert {failed.cause for failed in ended.failures} == {
        "'http' needs a key, and IMGBUILD_NO_KEY is not set"
    }
    assert (len(ended.failures), vendor.billed) == (3, 3)


# --- consent ---------------------------------------------------------------------------------------------


def test_nothing_is_sent_without_consent(shop, vendor):
    told = shop.tell("build")
    line = f"        url: {vendor.address}/v1/url"
    assert (told.code, vendor.asked) == (2, [])
    assert told.err == (
        f"specs/catalog.yaml:11:14: model 'house' sends prompts and what IMGBUILD_HOUSE_KEY holds to {vendor.address}\n"
        f"   11 | {line}\n"
        f"      |              {'^' * len(vendor.address + '/v1/url')}\n"
        "hint: if you trust whoever that is, say so by `imgbuild trust`; --trust does for this run alone\n"
    )
    assert shop.tell("trust", "--yes").code == 0
    assert shop.tell("build", "-q").code == 0
    assert vendor.billed == 3


CHANGES = {
    "another variable": ("key: IMGBUILD_HOUSE_KEY", "key: IMGBUILD_OTHER_KEY"),
    "another host": ("grade: perceptual", "grade: perceptual\n      hosts: [evil.example]"),
    "a token endpoint": (
        "key: IMGBUILD_HOUSE_KEY",
        "auth: {oauth: {url: 'https://evil.example', client_id: IMGBUILD_A, client_secret: IMGBUILD_B}}",
    ),
    "a queue elsewhere": (
        "grade: perceptual",
        "grade: perceptual\n      poll: {id: id, url: 'https://evil.example/{{ id }}'}",
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_another_host_or_variable_asks_anew(shop, vendor, change):
    assert shop.tell("trust", "--yes").code == 0
    shop.edit("specs/catalog.yaml", ("maximum: 50", "maximum: 60"), ('"{{ prompt }}"', '"{{ prompt }}!"'))
    assert shop.tell("build", "-n", "-q").code == 0
    assert shop.tell("trust").out.endswith("all of it is trusted\n")
    shop.edit("specs/catalog.yaml", change)
    assert shop.tell("build").code == 2
    assert vendor.asked == []


# --- faults ----------------------------------------------------------------------------------------------

FAULTS = {
    "a name that is none": (
        ('"{{ prompt }}"', '"{{ promt }}"'),
        "specs/catalog.yaml:13:23: unknown variable 'promt'\n"
        '   13 |           prompt: "{{ promt }}"\n'
        "      |                       ^^^^^\n"
        "hint: did you mean 'prompt'? Variables here: control, controls, height, image, images, mask, masks, negative, params, prompt, …\n",
    ),
    "no JMESPath": (
        ("images[0].url", "images[0.url"),
        "specs/catalog.yaml:21:14: 'images[0.url' is no JMESPath: '.' is not expected at character 9\n"
        "   21 |         url: images[0.url\n"
        "      |              ^^^^^^^^^^^^\n"
        "hint: such as images[0].url; jmespath.org tells all of it\n",
    ),
    "a key in the spec": (
        ("url: http", 'headers: {Authorization: "Bearer sk-1"}\n        url: http'),
        "specs/catalog.yaml:11:19: 'Authorization' is written into the spec, and a key has no place there\n"
        '   11 |         headers: {Authorization: "Bearer sk-1"}\n'
        "      |                   ^^^^^^^^^^^^^\n"
        "hint: name the variable that holds it, 'key: IMGBUILD_HOUSE_KEY'; 'auth' says how it goes along\n",
    ),
    "an unknown key": (
        ("url: images[0].url", "ulr: images[0].url"),
        "specs/catalog.yaml:21:9: unknown key 'ulr'\n"
        "   21 |         ulr: images[0].url\n"
        "      |         ^^^\n"
        "hint: did you mean 'url'? Keys here: base64, cost, credit, failed, prompt, reason, refused, retry_after, seed, url\n",
    ),
    "an unknown parameter": (
        ("      answer:", "      answre:"),
        "specs/catalog.yaml:20:7: model 'house' takes no parameter 'answre'\n"
        "   20 |       answre:\n"
        "      |       ^^^^^^\n"
        "hint: did you mean 'answer'? Else leave it out, or let the model say 'unsupported: {answre: drop}'; its parameters: answer, auth, base_url, grade, hosts, key, poll, request, steps, takes, timeout\n",
    ),
    "what the API does not take": (
        ("negative: true, ", ""),
        "specs/catalog.yaml:14:32: the request sends 'negative', and 'takes' does not have it\n"
        '   14 |           negative_prompt: "{{ negative }}"\n'
        "      |                                ^^^^^^^^\n"
        "hint: add 'takes: {negative: true}'\n",
    ),
    "a parameter out of bounds": (
        ("{steps: 20}", "{steps: 200}"),
        "specs/catalog.yaml:33:21: parameter 'steps' of model 'house' must be at most 50\n"
        "   33 |     params: {steps: 200}\n"
        "      |                     ^^^\n"
        "hint: it takes a whole number up to 50\n",
    ),
    "the declaration from an asset": (
        ("{steps: 20}", "{request: {}}"),
        "specs/catalog.yaml:33:14: parameter 'request' of model 'house' can't differ between its images\n"
        "   33 |     params: {request: {}}\n"
        "      |              ^^^^^^^\n"
        "hint: give it in the model's own declaration; declare another model for another value\n",
    ),
}


@pytest.mark.parametrize(("change", "said"), FAULTS.values(), ids=FAULTS)
def test_faults_are_told_at_their_place_before_anything_is_sent(shop, vendor, change, said):
    shop.edit("specs/catalog.yaml", change)
    told = shop.tell("build", "--trust")
    assert (told.code, vendor.asked) == (2, [])
    assert told.err == said
    assert shop.tell("plan").code == 2


# --- a queue ---------------------------------------------------------------------------------------------


def test_every_task_is_taken_and_paid_once(queue, vendor):
    ended = queue.build()
    assert ended.failures == ()
    assert len(drawn(vendor)) == len(set(drawn(vendor))) == vendor.billed == 6
    assert all(entry.provider_id and entry.state == "settled" for entry in entries(queue))
    assert {line.grade for line in queue.lines().values()} == {"stored"}
    assert KEY.encode() not in (queue.root / ".imgbuild/journal").read_bytes()
    assert dict(queue.build().ran) == {}
    assert vendor.billed == 6


def test_a_stopped_build_leaves_its_tasks_to_the_next(queue, vendor):
    vendor.polls, stop = 10**6, threading.Event()
    building = threading.Thread(target=queue.build, kwargs={"stop": stop})
    building.start()
    wait_until(lambda: len(vendor.tasks) >= 4)
    stop.set()
    building.join(30)
    taken = len(vendor.tasks)
    assert all(entry.state == "in flight" and entry.provider_id for entry in entries(queue))
    for task in vendor.tasks.values():
        task["polls"] = 0
    vendor.polls = 0
    assert queue.build().failures == ()
    assert (vendor.billed, len(drawn(vendor))) == (6, 6)
    assert taken >= 4


def test_tasks_that_are_asked_for_by_post_are_left_to_the_next_build(queue, vendor):
    queue.edit(
        "specs/catalog.yaml",
        ("/v1/tasks/{{ id }}", "/v1/tasks"),
        (
            "every: 0.01",
            'every: 0.01\n        method: POST\n        json: {task_id: "{{ id }}", fields: [image]}',
        ),
    )
    test_a_stopped_build_leaves_its_tasks_to_the_next(queue, vendor)
    assert not [asked for asked in vendor.asked if "/tasks/" in asked.path]
    assert dict(queue.build().ran) == {}


@pytest.mark.parametrize("moment", [1, 4, 9, 20])
def test_killed_at_some_moment_every_image_is_paid_once(queue, vendor, moment):
    vendor.polls = 10**6
    with queue.start("build", "--trust", "--plain") as process:
        wait_until(lambda: len(vendor.asked) >= moment)
        process.kill()
        process.communicate(timeout=30)
    for task in vendor.tasks.values():
        task["polls"] = 0
    vendor.polls = 0
    ended = queue.build()
    nameless = [failure for failure in ended.failures if failure.cause == GONE]
    assert len(nameless) == len(ended.failures)  # killed between the journal's line and the API's name
    assert len(drawn(vendor)) == len(set(drawn(vendor))) == vendor.billed
    assert len(queue.lines()) == 6 - len(nameless)
    assert all(entry.state == "settled" for entry in entries(queue) if entry.provider_id)
    assert dict(queue.build().ran) == {}


def test_a_poll_that_was_wrong_can_be_mended_without_paying_again(queue, vendor):
    """How a queue is asked is in no key: what it took is asked for by its name, as the declaration says now."""
    queue.edit(
        "specs/catalog.yaml",
        ("[red, blue, green, gold, grey, teal]", "[red]"),
        ("state: status", "state: sttaus"),
    )
    queue.edit("specs/catalog.yaml", ("failed: [FAILURE]", "failed: [FAILURE]\n        pending: [RUNNING]"))
    (failed,) = queue.build().failures
    assert failed.cause == "the task is in a state that 'poll' does not name: nothing"
    assert failed.hint == "build again: it is asked for by its name, and not paid for once more"
    queue.edit("specs/catalog.yaml", ("sttaus", "status"))
    assert queue.build().failures == ()
    assert (vendor.billed, len(drawn(vendor))) == (1, 1)


def test_a_task_that_was_taken_is_not_sent_again_at_once(queue, vendor):
    """A model that was a queue, and is none any more, still has its tasks there."""
    queue.edit(
        "specs/catalog.yaml",
        ("[red, blue, green, gold, grey, teal]", "[red]"),
        ("every: 0.01", "every: 0.01\n      timeout: 1"),
    )
    vendor.polls = 10**6
    (failed,) = queue.build().failures
    assert failed.cause == "the task is still RUNNING"
    text = queue.text("specs/catalog.yaml")
    start, end = text.index("      poll:"), text.index("      answer:")
    queue.write({"specs/catalog.yaml": text[:start] + text[end:]})
    (failed,) = queue.build().failures
    assert failed.cause == "the task was taken by a queue, and the model has no 'poll' any more"
    assert vendor.billed == 1


def test_polls_that_fail_hand_nothing_in_again(queue, vendor):
    vendor.polls, failed = 2, []

    def stutter(asked):
        with vendor.lock:
            fails = asked.method == "GET" and "/tasks/" in asked.path and len(failed) < 8
            if fails:
                failed.append(1)
        return failure(503, "busy", "busy") if fails else vendor.answer(asked)

    vendor.first = [stutter] * 60
    assert queue.build().failures == ()
    assert (len(failed), len(drawn(vendor)), vendor.billed) == (8, 6, 6)


def test_an_api_that_costs_nothing_says_so(queue, vendor):
    queue.edit("specs/catalog.yaml", ("price: 0.05", "price: 0"))
    told = [json.loads(line) for line in queue.tell("plan", "--json").out.splitlines()]
    assert {row.get("cost") for row in told if row.get("event") == "plan"} <= {0}
    assert queue.build(budget=0.0).failures == ()
    assert vendor.billed == 6
