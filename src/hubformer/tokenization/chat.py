"""Chat templates: a conversation as the text that a model was trained on."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from hubformer.errors import InputError
from hubformer.tokenization.sandbox import Budget, render

_CONTINUE = "HUBFORMER-CONTINUE-HERE "


@dataclass(frozen=True)
class Rendered:
    """A rendered conversation and the character spans that the assistant wrote."""

    text: str
    spans: list[tuple[int, int]] = field(default_factory=list)


def render_chat(
    messages: Any,
    template: str,
    *,
    variables: Mapping[str, Any],
    continued: bool = False,
    spans: bool = False,
) -> Rendered:
    """One conversation as text. `continued` ends it inside the last message; `spans` marks assistant text.

    Raises:
        InputError: the template is wrong, refuses the conversation, or breaks its budget.
    """
    if spans and not re.search(r"\{%-?\s*generation\s*-?%\}", template):
        raise InputError(
            "return_assistant_tokens_mask=True needs a chat template with {% generation %} blocks; this "
            "one has none."
        )
    final = ""
    if continued:
        messages, final = _marked_for_continuing(messages)
    marks = (f"\ue000{secrets.token_hex(8)}\ue001", f"\ue000{secrets.token_hex(8)}\ue001") if spans else None
    text = render(template, {**variables, "messages": messages}, budget=Budget(marks=marks))
    if continued:
        text = _cut_for_continuing(text, final)
    return _with_spans(text, marks) if marks else Rendered(text)


def checked_messages(conversation: Any) -> tuple[list[Any], bool]:
    """(conversations, whether several were given).

    Raises:
        InputError: it is not a list of messages, nor a list of such lists.
    """
    if isinstance(conversation, Sequence) and not isinstance(conversation, str) and len(conversation):
        first = conversation[0]
        if isinstance(first, list | tuple) or hasattr(first, "messages"):
            return [getattr(chat, "messages", chat) for chat in conversation], True
        if isinstance(first, Mapping):
            return [conversation], False
    elif hasattr(conversation, "messages"):
        return [conversation.messages], False
    raise InputError(
        f"A conversation is a list of messages such as {{'role': 'user', 'content': 'Hello'}}; found "
        f"{type(conversation).__name__} {str(conversation)[:60]!r}."
    )


def checked_tools(tools: Sequence[Any] | None) -> list[Any] | None:
    """Tools as JSON schemas.

    Raises:
        InputError: a tool is something else, for instance a function.
    """
    if tools is None:
        return None
    for tool in tools:
        if not isinstance(tool, Mapping):
            raise InputError(
                f"tools holds {tool!r}; expected JSON schemas such as "
                "{'type': 'function', 'function': {'name': ..., 'description': ..., 'parameters': ...}}."
            )
    return list(tools)


def _marked_for_continuing(messages: Any) -> tuple[Any, str]:
    messages = deepcopy(list(messages))
    content = messages[-1].get("content")
    if isinstance(content, str):
        messages[-1]["content"] = content + _CONTINUE
        return messages, content
    for block in reversed(content if isinstance(content, list | tuple) else ()):
        if "text" in block:
            text = str(block["text"])
            block["text"] = text + _CONTINUE
            return messages, text
    raise InputError("continue_final_message=True: the last message has no text to continue.")


def _cut_for_continuing(text: str, final: str) -> str:
    tag = _CONTINUE.strip()
    at = text.rfind(tag)
    if at < 0 or final.strip() not in text:
        raise InputError(
            "continue_final_message=True: the template leaves the last message out, or changes it."
        )
    # A template that trims messages has taken the space of the tag, and with it the message's own.
    return text[:at] if text[at:].startswith(_CONTINUE) else text[:at].rstrip()


def _with_spans(text: str, marks: tuple[str, str]) -> Rendered:
    spans: list[tuple[int, int]] = []
    done = ""
    for place, part in enumerate(text.split(marks[0])):
        if place == 0:
            done = part
            continue
        inside, _, after = part.partition(marks[1])
        spans.append((len(done), len(done) + len(inside)))
        done += inside + after
    return Rendered(done, spans)
