from __future__ import annotations

import threading
from typing import Any

import pytest
import torch

import hubformer
from hubformer.errors import InputError
from telling import Pair, prompts


class Bytes:
    """One byte a token."""

    def decode(self, token_ids: Any, **options: Any) -> str:
        text = bytes(token_ids).decode(errors="replace")
        return text.upper() if options.get("upper") else text


class Pieces(hubformer.TextStreamer):
    def __init__(self, **options: Any) -> None:
        super().__init__(Bytes(), **options)
        self.seen: list[str] = []
        self.ended = 0

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        self.seen.append(text)
        self.ended += stream_end


def streamed(text: str, **options: Any) -> list[str]:
    streamer = Pieces(**options)
    raw = text.encode()
    streamer.put(torch.tensor([list(raw[:3])]))
    for byte in raw[3:]:
        streamer.put(torch.tensor([byte]))
    streamer.end()
    assert streamer.ended == 1
    return [piece for piece in streamer.seen if piece]


def test_words_come_when_they_are_whole() -> None:
    assert streamed("The sea is wide.\nAnd deep") == ["The ", "sea ", "is ", "wide.\n", "And ", "deep"]
    assert streamed("one two three") == ["one ", "two ", "three"]
    assert streamed("one\ntwo\n") == ["one\n", "two\n"]


@pytest.mark.parametrize(
    "text",
    [
        "a café 你好吗 naïve 🙂🙂 end",
        "日本語のテキスト。",
        "über\nöl 🙂",
        "Привет, мир",
        "🙂",
        "x�y z",
        "ك ت ا ب",
    ],
)
def test_nothing_is_shown_before_it_is_whole_and_nothing_is_lost(text: str) -> None:
    pieces = streamed(text)
    assert "".join(pieces) == text
    if "\ufffd" not in text:
        assert not any("\ufffd" in piece for piece in pieces)


def test_characters_without_spaces_between_come_one_by_one() -> None:
    assert streamed("你好吗") == ["你", "好", "吗"]


def test_the_prompt_may_be_left_out_and_decoding_has_options() -> None:
    assert streamed("abcdef gh", skip_prompt=True) == ["def ", "gh"]
    assert streamed("ab cd", upper=True) == ["AB ", "CD"]


def test_one_row_only() -> None:
    with pytest.raises(InputError, match="shows one row, the batch has 2"):
        Pieces().put(torch.zeros(2, 3))


def test_it_prints(capsys: pytest.CaptureFixture[str]) -> None:
    streamer = hubformer.TextStreamer(Bytes())
    for byte in b"hello world":
        streamer.put(torch.tensor([byte]))
    assert capsys.readouterr().out == "hello "
    streamer.end()
    assert capsys.readouterr().out == "world\n"


def test_generate_streams_every_token(pair: Pair) -> None:
    ids = prompts(1, 6)
    streamer = Pieces()
    out = pair.ours.generate(ids, max_new_tokens=9, eos_token_id=None, streamer=streamer)
    assert "".join(streamer.seen) == Bytes().decode(out[0].tolist())


def test_iterating_in_another_thread(pair: Pair) -> None:
    streamer = hubformer.TextIteratorStreamer(Bytes(), skip_prompt=True, timeout=20)
    named = {"max_new_tokens": 9, "eos_token_id": None, "streamer": streamer}
    thread = threading.Thread(target=pair.ours.generate, args=(prompts(1, 6),), kwargs=named)
    thread.start()
    text = "".join(streamer)
    thread.join()
    plain = pair.ours.generate(prompts(1, 6), max_new_tokens=9, eos_token_id=None)
    assert text == Bytes().decode(plain[0, 6:].tolist())


def test_the_stream_ends_when_generation_fails(pair: Pair) -> None:
    streamer = hubformer.TextIteratorStreamer(Bytes(), timeout=5)

    def fails(ids: Any, scores: Any) -> Any:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        pair.ours.generate(prompts(1, 6), max_new_tokens=9, streamer=streamer, logits_processor=[fails])
    assert isinstance("".join(streamer), str)
