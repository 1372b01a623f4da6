"""Text as it is written, token by token."""

from __future__ import annotations

import asyncio
from queue import Queue
from typing import Any

from torch import Tensor

from hubformer.errors import InputError
from hubformer.generation.stopping import Decoder


class BaseStreamer:
    """What generate(streamer=...) calls: `put` with the prompt, then with each token, and `end` once."""

    def put(self, value: Tensor) -> None:
        raise NotImplementedError

    def end(self) -> None:
        raise NotImplementedError


class TextStreamer(BaseStreamer):
    """Prints words as soon as they are complete. A character in several tokens is held back until it is
    whole.

    Further options go to tokenizer.decode, such as skip_special_tokens=True.
    """

    def __init__(self, tokenizer: Decoder, skip_prompt: bool = False, **decode_kwargs: Any) -> None:
        self.tokenizer, self.skip_prompt, self.decode_kwargs = tokenizer, skip_prompt, decode_kwargs
        self._restart()

    def _restart(self) -> None:
        self._tokens: list[int] = []
        self._shown = 0  # characters of their text
        self._at_prompt = True

    def put(self, value: Tensor) -> None:
        """Token ids of one row, (L,) or (1, L).

        Raises:
            InputError: several rows.
        """
        if value.dim() > 1 and len(value) > 1:
            raise InputError(f"{type(self).__name__} shows one row, the batch has {len(value)}.")
        prompt, self._at_prompt = self._at_prompt, False
        if prompt and self.skip_prompt:
            return
        self._tokens += value.flatten().tolist()
        text = self._text()
        if text.endswith("\n"):
            ready, self._tokens, self._shown = text[self._shown :], [], 0
        else:
            upto = max(_complete(text), self._shown)
            ready, self._shown = text[self._shown : upto], upto
        self.on_finalized_text(ready)

    def end(self) -> None:
        """Show what was held back."""
        rest = self._text()[self._shown :] if self._tokens else ""
        self._restart()
        self.on_finalized_text(rest, stream_end=True)

    def _text(self) -> str:
        return self.tokenizer.decode(self._tokens, **self.decode_kwargs)

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        """Override to show text elsewhere than on the terminal."""
        print(text, flush=True, end=None if stream_end else "")


class TextIteratorStreamer(TextStreamer):
    """Iterate over it in one thread while generate runs in another.

    timeout: seconds to wait for the next piece; queue.Empty is raised after that. None: for ever.
    """

    def __init__(
        self,
        tokenizer: Decoder,
        skip_prompt: bool = False,
        timeout: float | None = None,
        **decode_kwargs: Any,
    ) -> None:
        super().__init__(tokenizer, skip_prompt, **decode_kwargs)
        self.text_queue: Queue[str | None] = Queue()
        self.timeout = timeout

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        self.text_queue.put(text, timeout=self.timeout)
        if stream_end:
            self.text_queue.put(None, timeout=self.timeout)

    def __iter__(self) -> TextIteratorStreamer:
        return self

    def __next__(self) -> str:
        text = self.text_queue.get(timeout=self.timeout)
        if text is None:
            raise StopIteration
        return text


class AsyncTextIteratorStreamer(TextStreamer):
    """Iterate over it with `async for` while generate runs in another thread. Make it inside the event loop.

    timeout: seconds to wait for the next piece; TimeoutError is raised after that. None: for ever.
    """

    def __init__(
        self,
        tokenizer: Decoder,
        skip_prompt: bool = False,
        timeout: float | None = None,
        **decode_kwargs: Any,
    ) -> None:
        super().__init__(tokenizer, skip_prompt, **decode_kwargs)
        self.text_queue: asyncio.Queue[str | None] = asyncio.Queue()
        self.timeout = timeout
        self.loop = asyncio.get_running_loop()

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        self.loop.call_soon_threadsafe(self.text_queue.put_nowait, text)
        if stream_end:
            self.loop.call_soon_threadsafe(self.text_queue.put_nowait, None)

    def __aiter__(self) -> AsyncTextIteratorStreamer:
        return self

    async def __anext__(self) -> str:
        text = await asyncio.wait_for(self.text_queue.get(), self.timeout)
        if text is None:
            raise StopAsyncIteration
        return text


def _complete(text: str) -> int:
    """How many characters will not change: whole words, and scripts that put no space between them.

    The first bytes of a character decode to a mark that is neither, so it waits for the rest.
    """
    return len(text) if text and _stands_alone(text[-1]) else text.rfind(" ") + 1


# The blocks of Chinese characters; Japanese syllables and Korean are written with them or with spaces.
_ALONE = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)


def _stands_alone(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in _ALONE)
