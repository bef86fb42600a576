"""The text of A1111's web UI, written and read back: by us, and by a model of the web UI's own grammar."""

import json
import re

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


PAIRS = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')


def web_ui(text):
    """What the web UI finds in a text, as `parse_generation_parameters` of its modules/infotext_utils.py does."""
    *lines, last = text.strip().split("\n")
    pairs = PAIRS.findall(last)
    if len(pairs) < 3:
        lines, pairs = [*lines, last], []
    found, name = {"Prompt": "", "Negative prompt": ""}, "Prompt"
    for line in map(str.strip, lines):
        if line.startswith("Negative prompt:"):
            line, name = line[len("Negative prompt:") :].strip(), "Negative prompt"
        found[name] += ("\n" if found[name] else "") + line
    for name, told in pairs:
        if not told:
            continue  # there an error, which is printed and passed over
        value = json.loads(told) if told[0] == told[-1] == '"' else told
        if size := re.match(r"^(\d+)x(\d+)$", value):
            found[f"{name}-1"], found[f"{name}-2"] = size.groups()
        else:
            found[name] = value
    return found


def tidy(text):
    """What the web UI keeps of a prompt: nothing that is blank around it or its lines."""
    return "\n".join(line.strip() for line in text.strip().split("\n"))


def test_the_text_is_what_the_web_ui_writes():
    assert write_infotext(FULL) == (
        "a lamp, brass\non a table\nNegative prompt: blurry\n"
        "Steps: 30, Sampler: Euler, CFG scale: 6.5, Seed: 7, Size: 64x32, Model: house/lamps, "
        'loras: "[{\\"source\\": \\"a: b\\"}]", Version: imgbuild'
    )


@pytest.mark.parametrize(
    ("scheduler", "pairs"),
    [
        ("EulerAncestralDiscreteScheduler", "Sampler: Euler a, "),
        (
            {"class": "DPMSolverMultistepScheduler", "use_karras_sigmas": True},
            "Sampler: DPM++ 2M, Schedule type: Karras, ",
        ),
        ("PNDMScheduler", "Sampler: PNDMScheduler, "),
        (
            {"class": "EulerDiscreteScheduler", "timestep_spacing": "trailing"},
            'Sampler: "{\\"class\\": \\"EulerDiscreteScheduler\\", \\"timestep_spacing\\": \\"trailing\\"}", ',
        ),
    ],
)
def test_a_scheduler_has_the_web_ui_s_name_where_that_says_all(scheduler, pairs):
    written = write_infotext({**FULL, "params": {"scheduler": scheduler, "guidance": 7}})
    assert written.split("\n")[-1].startswith(f"{pairs}CFG scale: 7, ")


def test_what_the_web_ui_writes_is_read():
    text = (
        "masterpiece, (lamp:1.2)\n<lora:brass:0.8>\nNegative prompt: blurry,\nlow quality\n"
        "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 123456789012, Size: 512x768, Model hash: 31e35c80fc, "
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
            "scheduler": "DPM++ 2M",
            "sigmas": "Karras",
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


@pytest.mark.parametrize(
    ("prompt", "negative", "again"),
    [
        ("a lamp\n\nSteps: 3, Sampler: b, Seed: 4", "blurry\nSteps: 3", []),
        ("  a lamp\t\n brass ", "\nblurry\n", []),
        ("a lamp\n negative prompt: dark", "", []),
        (
            "a lamp\nNegative prompt: dark",
            "",
            ['Prompt: "a lamp\\nNegative prompt: dark"', 'Negative prompt: ""'],
        ),
        ("Negative prompt: dark", "12x34", ['Prompt: "Negative prompt: dark"', 'Negative prompt: "12x34 "']),
        ("a lamp", "b\nNegative prompt: c", ['Negative prompt: "b\\nNegative prompt: c"']),
    ],
)
def test_what_its_lines_can_t_say_is_said_again(prompt, negative, again):
    written = write_infotext({**FULL, "prompt": prompt, "negative": negative, "params": {}})
    kept = ["Seed: 7", "Size: 64x32", "Model: house/lamps"]
    assert written.split("\n")[-1] == ", ".join([*kept, *again, "Version: imgbuild"])
    for found in (
        web_ui(written),
        {"Prompt": (ours := read_infotext(written))["prompt"], NEGATIVE[:-1]: ours["negative"]},
    ):
        assert (tidy(found["Prompt"]), tidy(found["Negative prompt"])) == (tidy(prompt), tidy(negative))


words = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r"))
lines = st.sampled_from(
    [NEGATIVE, f" {NEGATIVE} a", "Steps: 1, Seed: 2, Size: 3x4", "12x34", '"a', 'b"', "\\", ""]
)
prompts = st.lists(words | lines, max_size=4).map("\n".join)
values = st.one_of(st.integers(-(10**9), 10**9), words.map(str.strip).filter(bool))


@given(
    prompts,
    prompts,
    st.integers(0, 2**31 - 1),
    st.dictionaries(st.sampled_from(["steps", "house_style"]), values),
)
def test_what_is_written_reads_back(prompt, negative, seed, params):
    written = write_infotext({**FULL, "prompt": prompt, "negative": negative, "seed": seed, "params": params})
    found, theirs = read_infotext(written), web_ui(written)
    assert (tidy(found["prompt"]), tidy(found["negative"])) == (tidy(prompt), tidy(negative))
    assert (tidy(theirs["Prompt"]), tidy(theirs["Negative prompt"])) == (tidy(prompt), tidy(negative))
    assert (found["seed"], theirs["Seed"]) == (seed, str(seed))
    assert {name: str(found["params"][name]) for name in params} == {
        name: str(params[name]) for name in params
    }


@given(st.text())
def test_any_text_can_be_read(text):
    read_infotext(text)
