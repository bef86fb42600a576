"""The text of A1111's web UI, written and read back by its own grammar."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.provenance.infotext import NEGATIVE, read_infotext, write_infotext

FULL = {
    "prompt": "a lamp, brass\non a table",
    "negative": "blurry",
    "width": 64,
    "height": 32,
    "seed": 7,
    "params": {
        "guidance": 6.5,
        "scheduler": "EulerDiscreteScheduler",
        "steps": 30,
        "loras": [{"source": "a: b"}],
    },
    "model": {"source": "house/lamps", "weights": "abc"},
}


def test_the_text_is_what_the_web_ui_writes():
    assert write_infotext(FULL) == (
        "a lamp, brass\non a table\nNegative prompt: blurry\n"
        "Steps: 30, Sampler: EulerDiscreteScheduler, CFG scale: 6.5, Seed: 7, Size: 64x32, Model: house/lamps, "
        'loras: "[{\\"source\\": \\"a: b\\"}]", Version: imgbuild'
    )


def test_what_the_web_ui_writes_is_read():
    text = (
        "masterpiece, (lamp:1.2)\n<lora:brass:0.8>\nNegative prompt: blurry,\nlow quality\n"
        "Steps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 123456789012, Size: 512x768, Model hash: 31e35c80fc, "
        'Model: sd_xl_base_1.0, Denoising strength: 0.45, Lora hashes: "brass: 0f1e, other: 2", Version: v1.7.0'
    )
    assert read_infotext(text) == {
        "prompt": "masterpiece, (lamp:1.2)\n<lora:brass:0.8>",
        "negative": "blurry,\nlow quality",
        "seed": 123456789012,
        "width": 512,
        "height": 768,
        "model": {"weights": "31e35c80fc", "source": "sd_xl_base_1.0"},
        "params": {
            "steps": 20,
            "scheduler": "DPM++ 2M Karras",
            "guidance": 7,
            "strength": 0.45,
            "Lora hashes": "brass: 0f1e, other: 2",
            "Version": "v1.7.0",
        },
    }


def test_a_last_line_with_few_pairs_is_of_the_prompt():
    assert read_infotext("a lamp\nSteps: 3, more: yes") == {
        "prompt": "a lamp\nSteps: 3, more: yes",
        "negative": "",
        "params": {},
    }


@pytest.mark.parametrize("text", ["", "\n", "a", NEGATIVE, "Steps: x, Seed: y, Size: z"])
def test_any_text_is_read_as_something(text):
    assert set(read_infotext(text)) >= {"prompt", "negative", "params"}


words = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r")).map(str.strip)
prompts = words.filter(lambda text: not any(line.strip().startswith(NEGATIVE) for line in text.split("\n")))
values = st.one_of(st.integers(-(10**9), 10**9), words.filter(bool))


@given(
    prompts,
    prompts,
    st.integers(0, 2**31 - 1),
    st.dictionaries(st.sampled_from(["steps", "house_style"]), values),
)
def test_what_is_written_reads_back(prompt, negative, seed, params):
    written = write_infotext({**FULL, "prompt": prompt, "negative": negative, "seed": seed, "params": params})
    found = read_infotext(written)
    assert (found["prompt"], found["negative"], found["seed"]) == (prompt, negative, seed)
    assert {name: str(found["params"][name]) for name in params} == {
        name: str(params[name]) for name in params
    }


@given(st.text())
def test_any_text_can_be_read(text):
    read_infotext(text)
