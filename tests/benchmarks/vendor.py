"""A server of OpenAI's protocol that takes so many requests a second and turns the others down, without saying more.

It does little for each, since it shares its processors with what it measures; what a request may say is checked
where adapters are tested. Prints its address; when its input ends, the seconds at which it took each, as JSON.
"""

import asyncio
import io
import json
import re
import sys
import time

from PIL import Image as pillow

from tests.vendors.openai import KEY, answered, busy

SECONDS = 0.1  # that an image takes
PICTURES = 256  # different ones
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Bucket:
    """The rule of the token bucket, which holds as many as a second gives."""

    def __init__(self, rate):
        self.rate, self.tokens, self.filled = rate, rate, time.monotonic()

    def takes(self, now):
        self.tokens = min(self.rate, self.tokens + (now - self.filled) * self.rate)
        self.filled = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Limited:
    """taken: the seconds at which requests were taken; prompts: theirs."""

    def __init__(self, rate):
        self.bucket = Bucket(rate)
        self.taken, self.turned_down, self.prompts = [], 0, set()
        self.answers = [whole(answered(picture(number), "64x64")) for number in range(PICTURES)]
        self.no = whole(busy())

    def answer(self, body):
        """The answer, and the seconds that it takes."""
        now = time.monotonic()
        if not self.bucket.takes(now):
            self.turned_down += 1
            return self.no, 0
        self.taken.append(now)
        self.prompts.add(json.loads(body)["prompt"])
        return self.answers[len(self.taken) % PICTURES], SECONDS


class Connection(asyncio.Protocol):
    """One request after the other, by HTTP/1.1. One without the key ends it."""

    def __init__(self, vendor):
        self.vendor, self.came = vendor, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.came += data
        head, end, rest = self.came.partition(b"\r\n\r\n")
        if not end:
            return
        length = int(LENGTH.search(head)[1])
        if len(rest) < length:
            return
        self.came = rest[length:]
        if KEY.encode() not in head:
            self.transport.close()
            return
        answer, seconds = self.vendor.answer(rest[:length])
        asyncio.get_running_loop().call_later(seconds, self.transport.write, answer)


def picture(number):
    out = io.BytesIO()
    pillow.new("RGB", (64, 64), (number, 255 - number, 128)).save(out, format="PNG")
    return out.getvalue()


def whole(answer):
    """The bytes of an answer."""
    lines = [
        f"HTTP/1.1 {answer.status} Said",
        "Content-Type: application/json",
        f"Content-Length: {len(answer.body)}",
    ]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + answer.body


async def main():
    vendor = Limited(float(sys.argv[1]))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(vendor), "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    told = {"taken": vendor.taken, "turned_down": vendor.turned_down, "prompts": len(vendor.prompts)}
    print(json.dumps(told), flush=True)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
