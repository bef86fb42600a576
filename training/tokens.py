"""The tokenizer: CLIP's own kind (bytes and merges), with merges that make every word of the phrasings one token.

Any text can be written in its 256 byte symbols, so no word is refused; words that training never saw are spelt in
pieces.
"""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

from transformers import CLIPTokenizer

LENGTH = 32
"""Tokens of a prompt, with the two marks around it. The longest phrasing takes 25."""

START, END = "<|startoftext|>", "<|endoftext|>"


def byte_symbols() -> list[str]:
    """The printable symbols that byte-level BPE writes for the 256 bytes (the table of GPT-2 and CLIP)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + i) for i in range(len(others))]


def merge(symbols: list[str], pair: tuple[str, str]) -> list[str]:
    """The symbols of a word after one merge."""
    result: list[str] = []
    for symbol in symbols:
        if result and (result[-1], symbol) == pair:
            result[-1] += symbol
        else:
            result.append(symbol)
    return result


def learn_merges(words: list[str]) -> list[tuple[str, str]]:
    """The merges, the commonest pair first, until each word is one symbol."""
    spelt = [[*word[:-1], word[-1] + "</w>"] for word in words]
    merges = []
    while pairs := Counter(pair for word in spelt for pair in pairwise(word)):
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        spelt = [merge(word, best) for word in spelt]
    return merges


def make(words: list[str], folder: Path) -> CLIPTokenizer:
    """A tokenizer that knows `words`, by way of the two files that CLIP's tokenizer is read from."""
    folder.mkdir(parents=True, exist_ok=True)
    merges = learn_merges(words)
    symbols = byte_symbols()
    tokens = [*symbols, *(s + "</w>" for s in symbols), *(a + b for a, b in merges), START, END]
    table = {token: place for place, token in enumerate(dict.fromkeys(tokens))}
    (folder / "vocab.json").write_text(json.dumps(table, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=LENGTH)
