"""What msgspec finds out about a type, it finds out for one thread at a time."""

import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from imgbuild.typed import convert, decode

# Of nested types that nothing has decoded yet; unguarded, one process in ten or so ends by a segmentation fault.
CROWD = """
import sys
import threading
from imgbuild.providers.prices import price_of

def ask():
    meet.wait()
    assert price_of("openai", "gpt-image-2") is not None
    done.append(1)

sys.setswitchinterval(1e-5)
meet, done = threading.Barrier(16), []
threads = [threading.Thread(target=ask) for _ in range(16)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
sys.exit(len(done))
"""


class Lamp(msgspec.Struct):
    """within: how many threads are making one now; most: how many ever were."""

    watts: int

    def __post_init__(self):
        WITHIN.append(1)
        MOST.append(len(WITHIN))
        STEP.wait(0.01)
        WITHIN.pop()


WITHIN, MOST, STEP = [], [], threading.Event()


def test_one_thread_at_a_time():
    threads = [threading.Thread(target=decode, args=('{"watts": 5}', Lamp)) for _ in range(4)]
    threads += [threading.Thread(target=convert, args=({"watts": 5}, Lamp)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert MOST == [1] * 8


def test_threads_may_look_up_a_price_together():
    for _ in range(3):
        ended = subprocess.run([sys.executable, "-c", CROWD], cwd=Path(__file__).parents[1], check=False)
        assert ended.returncode == 16


def test_what_is_of_another_type_is_told():
    with pytest.raises(msgspec.ValidationError, match=r"Expected `int`, got `str` - at `\$.watts`"):
        decode('{"watts": "5"}', Lamp)
    with pytest.raises(msgspec.ValidationError, match=r"Expected `int`, got `str` - at `\$.watts`"):
        convert({"watts": "5"}, Lamp)
