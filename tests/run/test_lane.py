"""Which device goes on with what: each model is loaded as rarely as may be, and no device idles before much that waits."""

from collections import Counter, deque

import pytest

from imgbuild.run.lane import LOOKAHEAD, Lane


@pytest.fixture
def lane():
    """A function: names of devices, and what waits as model → count (in batches of two) → a lane of one call each."""
    made = []

    def make(devices, waiting, threads=1):
        lane = Lane(threads, devices, lambda work: 2)
        for model, count in waiting.items():
            for number in range(count):
                lane.add(f"{model}{number}", model, "shape")
        made.append(lane)
        return lane

    yield make
    for lane in made:
        lane.pool.shutdown()


def run(lane, turns):
    """Let the seats take batches of two in these turns; what each took, and how often a model was loaded."""
    taken, loads, loaded = [], Counter(), {}
    for place in turns:
        seat = lane.seats[place]
        queue = lane.queue(seat)
        batch = [queue.popleft() for _ in range(min(2, len(queue)))]
        if batch and loaded.get(place) != seat.model:
            loaded[place] = seat.model
            loads[seat.model] += 1
        taken.append("".join(batch))
    return taken, dict(loads)


def test_one_device_does_one_model_after_the_other(lane):
    taken, loads = run(lane(["cuda:0"], {"a": 3, "b": 3}), [0] * 5)
    assert taken == ["a0a1", "a2", "b0b1", "b2", ""]
    assert loads == {"a": 1, "b": 1}


def test_two_devices_take_a_model_each(lane):
    taken, loads = run(lane(["cuda:0", "cuda:1"], {"a": 4, "b": 4}), [0, 1, 1, 0, 1, 0])
    assert taken == ["a0a1", "b0b1", "b2b3", "a2a3", "", ""]
    assert loads == {"a": 1, "b": 1}


def test_who_is_done_first_takes_the_next_model(lane):
    taken, loads = run(lane(["x", "y"], {"a": 8, "b": 2, "c": 4}), [0, 1, 1, 0, 1, 0, 0])
    assert taken == ["a0a1", "b0b1", "c0c1", "a2a3", "c2c3", "a4a5", "a6a7"]
    assert loads == {"a": 1, "b": 1, "c": 1}


def test_a_model_that_much_waits_for_is_loaded_twice(lane):
    taken, loads = run(lane(["x", "y"], {"a": 9}), [0, 1, 0, 1, 0])
    assert taken == ["a0a1", "a2a3", "a4a5", "a6a7", "a8"]
    assert loads == {"a": 2}


def test_a_model_that_little_waits_for_is_not(lane):
    taken, loads = run(lane(["x", "y"], {"a": 6}), [0, 1, 0, 1, 0])
    assert taken == ["a0a1", "", "a2a3", "", "a4a5"]
    assert loads == {"a": 1}


def test_what_comes_again_goes_where_its_model_is(lane):
    made = lane(["x", "y"], {"a": 2, "b": 2})
    run(made, [0, 1])
    made.add("b9", "b", "shape")
    made.add("a9", "a", "shape")
    assert run(made, [1, 0])[0] == ["b9", "a9"]


def test_the_fullest_shape_goes_first(lane):
    made = lane(["x"], {"a": 1})
    for number in range(2):
        made.add(f"w{number}", "a", "wide")
    assert run(made, [0, 0])[0] == ["w0w1", "a0"]


def test_without_a_device_all_threads_share_a_seat(lane):
    made = lane([], {"a": 1}, threads=3)
    (seat,) = made.seats
    assert (made.device, seat.device, seat.room) == (False, "", 3 * LOOKAHEAD)
    assert made.queue(seat) == deque(["a0"])
