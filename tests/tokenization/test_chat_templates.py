"""Chat templates: what they may do, and what stops them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from hubformer.errors import InputError
from hubformer.tokenization import load_tokenizer
from tokenization.token_samples import shared

CHAT = [
    {"role": "system", "content": "hello"},
    {"role": "user", "content": "the fox"},
    {"role": "assistant", "content": "a dog"},
]
TEMPLATE = """{%- for message in messages %}
{{- '[' ~ message['role'] ~ ']' + message['content'] | trim + eos }}
{%- if not loop.last %}{{ ' ' }}{% endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{ ' [assistant]' }}{% endif %}"""


DOUBLING = (
    "{{% set ns = namespace(x='aaaaaaaa') %}}{{% for i in range(60) %}}"
    "{{% set ns.x = ns.x {} ns.x %}}{{% endfor %}}"
)


def test_equals_transformers(oracle: Any) -> None:
    folder = shared("phi-2")
    from transformers import PreTrainedTokenizerFast

    theirs = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    ours = load_tokenizer(folder)
    extra = {"eos": "<e>"}
    tools = [{"type": "function", "function": {"name": "f", "description": "é <b>"}}]
    templates = [
        TEMPLATE,
        "{{ tools | tojson }}{{ documents }}{{ messages | tojson(indent=2) }}",
        "{% for m in messages %}{% if m.role == 'user' %}{% continue %}{% endif %}\n  {% if true %}\nx\n"
        "  {% endif %}{{ loop.index }}/{{ loop.length }} {{ m.content.upper() }}\n{% endfor %}",
        "{% macro show(m) %}<{{ m.role }}>{% endmacro %}{% set ns = namespace(n=0) %}"
        "{% for m in messages recursive %}"
        "{{ show(m) }}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}"
        "{{ messages | map(attribute='role') | list }}",
    ]
    for template in templates:
        for more in ({}, {"add_generation_prompt": True}):
            arguments = {"chat_template": template, "tools": tools, "tokenize": False, **extra, **more}
            assert ours.apply_chat_template(CHAT, **arguments) == theirs.apply_chat_template(
                CHAT, **arguments
            )
    theirs_continued = theirs.apply_chat_template(
        CHAT, chat_template=TEMPLATE, tokenize=False, continue_final_message=True, **extra
    )
    ours_continued = ours.apply_chat_template(
        CHAT, chat_template=TEMPLATE, tokenize=False, continue_final_message=True, **extra
    )
    assert ours_continued == theirs_continued
    assert ours_continued.endswith("a dog")


def test_outputs(tokenizer: Any) -> None:
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }} {% endfor %}"
    assert (
        tokenizer.apply_chat_template(CHAT)
        == tokenizer("hello the fox a dog", add_special_tokens=False).input_ids
    )
    assert tokenizer.apply_chat_template([CHAT, CHAT[:1]]) == [[15, 5, 8, 11, 12], [15]]
    found = tokenizer.apply_chat_template(
        [CHAT, CHAT[:1]], return_dict=True, return_tensors="pt", padding=True
    )
    assert found["input_ids"].shape == (2, 5)
    assert tokenizer.apply_chat_template(CHAT, return_tensors="np").shape == (1, 5)
    assert tokenizer.apply_chat_template(CHAT, truncation=True, max_length=2) == [15, 5]
    tokenizer.chat_template = {"default": "d", "tool_use": "t", "rag": "r"}
    assert tokenizer.get_chat_template() == "d"
    assert tokenizer.get_chat_template(tools=[{}]) == "t"
    assert tokenizer.get_chat_template("rag") == "r"
    assert tokenizer.get_chat_template("{{ messages }}") == "{{ messages }}"


def test_assistant_mask(tokenizer: Any) -> None:
    tokenizer.chat_template = (
        "{% for m in messages %}{% if m.role == 'assistant' %}"
        "{% generation %}{{ m.content }}{% endgeneration %}"
        "{% else %}{{ m.content }} {% endif %}{% endfor %}"
    )
    found = tokenizer.apply_chat_template(CHAT, return_dict=True, return_assistant_tokens_mask=True)
    assert found["input_ids"] == [15, 5, 8, 11, 12]
    assert found["assistant_masks"] == [0, 0, 0, 1, 1]
    assert tokenizer.apply_chat_template(CHAT, tokenize=False) == "hello the fox a dog"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ cycler.__init__.__globals__.os }}", "unsafe"),
        ("{{ raise_exception.__globals__.os }}", "unsafe"),
        ("{{ messages.append(1) }}", "unsafe"),
        ("{% for a in range(10 ** 10) %}x{% endfor %}", "ange"),
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "loops more"),
        ("{{ 'a' * 10 ** 10 }}", "stopped"),
        ("{{ [1] * 10 ** 10 }}", "stopped"),
        ("{{ 3 ** (10 ** 9) }}", "stopped"),
        ("{{ 'a' | center(10 ** 10) }}", "stopped"),
        ("{{ '%10000000000d' % 3 }}", "stopped"),
        (
            DOUBLING.format("~"),
            "stopped",
        ),
        (
            DOUBLING.format("+"),
            "stopped",
        ),
        ("{% for i in range(90000) %}{{ 'a' * 1000 }}{% endfor %}", "characters"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "ecursion"),
        ("{{ raise_exception('Roles must alternate') }}", "Roles must alternate"),
        ("{% if %}", "line 1"),
        ("{{ messages[9].content.x }}", "undefined|no element"),
    ],
)
def test_templates_are_stopped(tokenizer: Any, template: str, said: str) -> None:
    start = time.process_time()
    with pytest.raises(InputError, match=said):
        tokenizer.apply_chat_template(CHAT, chat_template=template, tokenize=False)
    assert time.process_time() - start < 5


def test_bad_calls(tokenizer: Any) -> None:
    with pytest.raises(InputError, match="no chat template"):
        tokenizer.apply_chat_template(CHAT)
    tokenizer.chat_template = "{{ messages }}"
    for conversation in ("hello", [], {}, [3], None):
        with pytest.raises(InputError, match="list of messages"):
            tokenizer.apply_chat_template(conversation)
    for arguments in (
        {"return_dict": True, "tokenize": False},
        {"return_assistant_tokens_mask": True},
        {"return_assistant_tokens_mask": True, "return_dict": True},
        {"continue_final_message": True, "add_generation_prompt": True},
        {"tools": [print]},
    ):
        with pytest.raises(InputError):
            tokenizer.apply_chat_template(CHAT, **arguments)
    tokenizer.chat_template = {"a": "x", "b": "y"}
    with pytest.raises(InputError, match="a, b"):
        tokenizer.apply_chat_template(CHAT)
