"""The lock as text: its bytes, the way back, and what a damaged one still gives."""

import json

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgbuild.digest import digest_bytes
from imgbuild.errors import SpecError
from imgbuild.lock.lines import LockText
from imgbuild.lock.text import Lock, ReadLock, read_lock, write_lock
from imgbuild.types import Grade, Line, Pin

FILE = "specs/catalog.lock"
INTENT, RAW, IMAGE, PIXELS = (digest_bytes(name) for name in (b"intent", b"raw", b"image", b"pixels"))
SMALL = Lock(
    models={"sdxl": Pin(provider="diffusers", source="stabilityai/sdxl", revision="4621", declared="main")},
    targets={
        "thumbnails[sku=A1]@sdxl#0": Line(
            intent=INTENT,
            seed=1189998819,
            attempt=0,
            raw=RAW,
            image=IMAGE,
            pixels=PIXELS,
            phash="00ff00ff00ff00ff",
        ),
        "banner@hero#1": Line(seed=5, attempt=2, grade=Grade.STORED, via="hero"),
    },
)
GOLDEN = """\
{"version": 1,
 "models": {
  "sdxl": {"provider":"diffusers","source":"stabilityai/sdxl","revision":"4621","declared":"main","adapter":1,\
"sum":"2gb-UsNv"},
  "": null
 },
 "targets": {
  "banner@hero#1": {"seed":5,"attempt":2,"grade":"stored","via":"hero","sum":"pPuS66t_"},
  "thumbnails[sku=A1]@sdxl#0": {"intent":"KCvLw_CjSopKxvAMJ2_PZs83V6MzLoPZIgjlB5r0aSI","seed":1189998819,\
"attempt":0,"raw":"10Ob7iR3O8v6LQqXlH7jYiexDRAisaVYR-kollu2v94","image":"YQXWzHavQAMl6U1YjOURvlv9u3O0N9xR7KQ5F9ekPj0",\
"pixels":"bsnCsOsUAQdGyLzok5MDs4I0SyliBmEuuKkHo3srLzc","phash":"00ff00ff00ff00ff","grade":"bitwise","sum":"2DXrpGfI"},
  "": null
 }}
"""

digests = st.binary(max_size=4).map(digest_bytes) | st.just("")
names = st.text(min_size=1, max_size=12)
pins = st.builds(
    Pin, provider=names, source=st.text(max_size=5), revision=st.text(max_size=5), adapter=st.integers(0, 9)
)
lines = st.builds(
    Line,
    intent=digests,
    seed=st.integers(0, 2**31 - 1),
    attempt=st.integers(0, 99),
    inputs=digests,
    raw=digests,
    image=digests,
    pixels=digests,
    phash=st.sampled_from(["", "0123456789abcdef"]),
    grade=st.sampled_from(Grade),
    via=st.text(max_size=5),
    adjusted=st.lists(st.sampled_from(["sharpness", "sharpness#2", "é"]), max_size=3).map(tuple),
)
locks = st.builds(
    Lock, models=st.dictionaries(names, pins, max_size=3), targets=st.dictionaries(names, lines, max_size=6)
)


def test_the_text_is_one_line_a_model_and_a_target() -> None:
    assert write_lock(SMALL).decode() == GOLDEN


def test_an_empty_lock_has_its_frame() -> None:
    empty = b'{"version": 1,\n "models": {\n  "": null\n },\n "targets": {\n  "": null\n }}\n'
    assert write_lock(Lock()) == empty
    assert read_lock(empty, FILE) == ReadLock(lock=Lock())


@settings(max_examples=100)
@given(locks)
def test_what_is_written_is_read(lock: Lock) -> None:
    data = write_lock(lock)
    assert read_lock(data, FILE) == ReadLock(lock=lock)
    assert data.count(b"\n") == 8 + len(lock.models) + len(lock.targets) - 1
    assert json.loads(data)["version"] == 1


@settings(max_examples=50)
@given(locks)
def test_line_by_line_reads_the_same(lock: Lock) -> None:
    read = read_lock(write_lock(lock) + b"!", FILE)
    assert read.lock == lock
    assert read.faults == [
        f"{FILE}:{8 + len(lock.models) + len(lock.targets)}: this line is damaged and was left out: "
        "it is not JSON"
    ]


@given(locks)
@settings(max_examples=30)
def test_equal_locks_give_equal_bytes(lock: Lock) -> None:
    turned = Lock(models=dict(reversed(lock.models.items())), targets=dict(reversed(lock.targets.items())))
    assert write_lock(turned) == write_lock(lock)


def test_windows_line_ends_and_another_layout_are_read() -> None:
    data = write_lock(SMALL)
    assert read_lock(data.replace(b"\n", b"\r\n"), FILE) == ReadLock(lock=SMALL)
    assert read_lock(json.dumps(json.loads(data), indent=4).encode(), FILE) == ReadLock(lock=SMALL)


def test_the_schema_of_the_text_holds() -> None:
    schema = msgspec.json.schema(LockText)
    jsonschema.validate(json.loads(write_lock(SMALL)), schema)
    wrong = json.loads(write_lock(SMALL).replace(IMAGE[:20].encode(), b"../../../etc/passwd/"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, schema)


@pytest.mark.parametrize("number", [b"2", b"10"])
def test_a_later_version_is_refused(number: bytes) -> None:
    data = write_lock(SMALL).replace(b'"version": 1', b'"version": ' + number)
    with pytest.raises(SpecError) as error:
        read_lock(data, FILE)
    assert str(error.value) == (
        f"error: specs/catalog.lock is a lock of version {number.decode()}, written by a newer imgbuild\n"
        "hint: update imgbuild, or take the lock's last version of git"
    )


def test_every_truncation_is_reported_or_harmless() -> None:
    data = write_lock(SMALL)
    for length in range(len(data)):
        read = read_lock(data[:length], FILE)
        assert read.faults or read == ReadLock(lock=SMALL), length
        assert read.lock.targets.items() <= SMALL.targets.items()
        assert read.lock.models.items() <= SMALL.models.items()


def test_every_changed_byte_is_reported_or_harmless() -> None:
    data = write_lock(SMALL)
    flips = [1 << bit for bit in range(8)] + [data[0] ^ byte for byte in b'"\n']
    for place in range(len(data)):
        for flip in flips:
            changed = bytearray(data)
            changed[place] ^= flip
            assert is_told_or_harmless(bytes(changed)), (place, flip)


def is_told_or_harmless(data: bytes) -> bool:
    """No line may come out other than it went in; one that is missing must be reported."""
    try:
        read = read_lock(data, FILE)
    except SpecError as error:
        return "written by a newer imgbuild" in error.message
    if read.lock == SMALL and read.sides is None:
        return True
    unchanged = (
        read.lock.targets.items() <= SMALL.targets.items()
        and read.lock.models.items() <= SMALL.models.items()
    )
    return bool(read.faults) and unchanged


@settings(max_examples=150)
@given(locks, st.data())
def test_any_damage_is_reported_or_harmless(lock: Lock, data: st.DataObject) -> None:
    text = bytearray(write_lock(lock))
    place = data.draw(st.integers(0, len(text) - 1))
    text[place] = data.draw(st.integers(0, 255))
    try:
        read = read_lock(bytes(text), FILE)
    except SpecError:
        return
    assert read.faults or read == ReadLock(lock=lock)
    assert read.lock.targets.items() <= lock.targets.items()
    assert read.lock.models.items() <= lock.models.items()


def test_a_damaged_line_is_named_and_the_rest_is_read() -> None:
    data = write_lock(SMALL).replace(b'"seed":5,', b'"seed":6,').replace(b'"diffusers"', b'"diffusers')
    assert read_lock(data, FILE) == ReadLock(
        lock=Lock(targets={"thumbnails[sku=A1]@sdxl#0": SMALL.targets["thumbnails[sku=A1]@sdxl#0"]}),
        faults=[
            "specs/catalog.lock:3: the line of 'sdxl' is damaged and was left out: it is not JSON",
            "specs/catalog.lock:7: the line of 'banner@hero#1' is damaged and was left out: "
            "its sum does not fit its text",
        ],
    )


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b'"seed":5,', b'"seed":-1,', "Expected `int` >= 0 - at `seed`"),
        (b'"seed":5,', b'"seed":2147483648,', "Expected `int` <= 2147483647 - at `seed`"),
        (b'"seed":5,', b'"seed":"5",', "Expected `int`, got `str` - at `seed`"),
        (b'"attempt":2', b'"attempt":-2', "Expected `int` >= 0 - at `attempt`"),
        (b'"stored"', b'"perfect"', "Invalid enum value 'perfect' - at `grade`"),
        (b'"attempt":2', b'"attempts":2', "Object contains unknown field `attempts`"),
        (b'"attempt":2,', b'"attempt":2,"note":"x",', "Object contains unknown field `note`"),
        (b'"grade":"stored",', b"", "Object missing required field `grade`"),
    ],
)
def test_a_line_is_read_strictly(old: bytes, new: bytes, reason: str) -> None:
    read = read_lock(write_lock(SMALL).replace(old, new), FILE)
    assert read.faults == [
        f"specs/catalog.lock:7: the line of 'banner@hero#1' is damaged and was left out: {reason}"
    ]


def test_a_file_cut_short_is_told() -> None:
    data = write_lock(SMALL)
    cut = data[: data.index(b'","phash"')]
    assert read_lock(cut, FILE).faults == [
        "specs/catalog.lock:8: the line of 'thumbnails[sku=A1]@sdxl#0' is damaged and was left out: "
        "it is not JSON",
        "specs/catalog.lock: the file is cut short: its last lines are missing",
    ]
    assert read_lock(b"", FILE).faults == [
        "specs/catalog.lock: the file is cut short: its last lines are missing"
    ]


def test_a_lost_bracket_is_told_and_costs_no_line() -> None:
    read = read_lock(write_lock(SMALL).replace(b' "targets": {\n', b""), FILE)
    assert read.lock == SMALL
    assert read.faults == ["specs/catalog.lock: a bracket or the head of a section is damaged"]


def test_a_line_that_is_there_twice_is_told() -> None:
    data = write_lock(SMALL)
    line = data.splitlines(keepends=True)[6]
    read = read_lock(data.replace(line, line + line), FILE)
    assert read == ReadLock(lock=SMALL, faults=["specs/catalog.lock:8: 'banner@hero#1' is here twice"])


def test_two_lines_for_one_name_are_two_sides() -> None:
    other = Lock(models=SMALL.models, targets={**SMALL.targets, "banner@hero#1": Line(seed=9, attempt=0)})
    first, second = (write_lock(lock).splitlines(keepends=True)[6] for lock in (SMALL, other))
    read = read_lock(write_lock(SMALL).replace(first, first + second), FILE)
    assert read.sides == (SMALL, other)
    assert read.lock.targets.keys() == {"thumbnails[sku=A1]@sdxl#0"}
    assert read.faults == ["specs/catalog.lock:8: 'banner@hero#1' is here twice"]
