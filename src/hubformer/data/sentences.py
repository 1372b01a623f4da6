"""Where the sentences of a text end, by a rule that needs neither a model nor other files.

A sentence ends at the end of a line, and at a mark of its end that white space follows, unless what stands
before or behind the mark says that the sentence goes on: an abbreviation, an initial, a small letter. Where
the rule is wrong, two sentences stay together, or one is cut in two; no character is ever lost.
"""

from __future__ import annotations

import re

_CLOSING = "\"'”’»)\\]」』）"
_OPENING = "\"'“‘„«(\\[¿¡"
_BREAK = re.compile(rf"[.!?…]+[{_CLOSING}]*(?=\s)|[。！？]+[{_CLOSING}]*|\s*\n")
_BEHIND = re.compile(rf"\s*[{_OPENING}]*(\S?)")
_LAST_WORD = re.compile(r"(?:[^\W\d_]+\.)*[^\W\d_]+$")
# A name or a number follows these; words that may also end a sentence (etc, inc) are not among them.
_NAMED = "mr mrs ms dr prof st gen col lt sgt capt rev hon gov sen rep mt ft vs eg ie cf ca"
_NUMBERED = "no nos vol fig pp p ch sec art op"


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """The characters of each sentence, without the white space around it; in order, none empty."""
    spans: list[tuple[int, int]] = []
    begin = 0
    for found in _BREAK.finditer(text):
        if found.group()[0] in ".!?…" and _goes_on(text, found):
            continue
        _add(spans, text, begin=begin, end=found.end())
        begin = found.end()
    _add(spans, text, begin=begin, end=len(text))
    return spans


def sentences(text: str) -> list[str]:
    """The sentences of a text, without the white space between them."""
    return [text[begin:end] for begin, end in sentence_spans(text)]


def _add(spans: list[tuple[int, int]], text: str, *, begin: int, end: int) -> None:
    inner = text[begin:end].strip()
    if inner:
        first = text.index(inner, begin)
        spans.append((first, first + len(inner)))


def _goes_on(text: str, mark: re.Match[str]) -> bool:
    behind = _BEHIND.match(text, mark.end())
    following = behind.group(1) if behind else ""
    if following.islower():
        return True
    if mark.group()[0] != "." or mark.group().startswith(".."):
        return False
    word = _LAST_WORD.search(text, max(0, mark.start() - 20), mark.start())
    if word is None:
        return False
    said = word.group().replace(".", "").lower()
    initial = len(word.group()) == 1 or "." in word.group()
    return initial or said in _NAMED.split() or (said in _NUMBERED.split() and following.isdigit())
