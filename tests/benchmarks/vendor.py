"""A server of OpenAI's protocol that takes so many requests a second and turns the others down, without saying more.

Prints its address; when its input ends, the seconds at which it took each, and how many it turned down, as JSON.
"""

import json
import sys
import time

from tests.vendors.openai import OpenAI, busy
from tests.vendors.server import serving

SECONDS = 0.1  # that an image takes


class Limited(OpenAI):
    """By the rule of the token bucket, which holds as many as a second gives."""

    def __init__(self, rate):
        super().__init__()
        self.rate, self.tokens, self.filled = rate, rate, time.monotonic()
        self.taken, self.turned_down, self.prompts = [], 0, set()

    def made(self, fields):
        with self.lock:
            now = time.monotonic()
            self.tokens = min(self.rate, self.tokens + (now - self.filled) * self.rate)
            self.filled = now
            if self.tokens < 1:
                self.turned_down += 1
                return busy()
            self.tokens -= 1
            self.taken.append(now)
            self.prompts.add(fields["prompt"])
        time.sleep(SECONDS)
        return super().made(fields)


def main():
    vendor = Limited(float(sys.argv[1]))
    with serving(vendor) as address:
        print(address, flush=True)
        sys.stdin.read()
        told = {
            "taken": vendor.taken,
            "turned_down": vendor.turned_down,
            "billed": vendor.billed,
            "prompts": len(vendor.prompts),
        }
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
