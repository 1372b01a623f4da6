"""Text generation: shapes, prompts, settings, and equality with the oracle's pipeline on greedy text."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import hubformer
from hubformer.errors import InputError, UnknownArgument
from hubformer.generation import TextIteratorStreamer
from hubformer.pipelines import pipeline

GOLDENS = Path(__file__).parent / "goldens"
PROMPTS = ["The soup was", "Old Marta keeps nine hives of bees behind the", "Nobody"]
CHAT = [{"role": "user", "content": "Who keeps the bees?"}]
TEMPLATE = (
    "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny GPT-2 over the byte-level vocabulary of the goldens."""
    path = tmp_path_factory.mktemp("writer")
    config = hubformer.GPT2Config(
        vocab_size=345, n_positions=80, n_embd=16, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=2
    )
    torch.manual_seed(11)
    model = hubformer.GPT2LMHeadModel(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    model.save_pretrained(path)
    shutil.copy(GOLDENS / "roberta-qa" / "tokenizer.json", path)
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>",
        "unk_token": "<unk>",
        "pad_token": "<pad>", "model_max_length": 80, "chat_template": TEMPLATE,
        "model_input_names": ["input_ids", "attention_mask"], "clean_up_tokenization_spaces": False,
    }  # fmt: skip
    (path / "tokenizer_config.json").write_text(json.dumps(settings))
    return path


@pytest.fixture(scope="module")
def write(folder: Path) -> Any:
    return pipeline("text-generation", folder, device="cpu")


GREEDY: dict[str, Any] = {"do_sample": False, "max_new_tokens": 12}


def test_shapes(write: Any) -> None:
    found = write(PROMPTS[0], **GREEDY)
    assert [record.keys() for record in found] == [{"generated_text"}]
    assert found[0]["generated_text"].startswith(PROMPTS[0])
    several = write(PROMPTS, **GREEDY)
    assert [len(records) for records in several] == [1, 1, 1]
    assert write([PROMPTS[0]], **GREEDY) == [found]
    assert list(write(iter(PROMPTS), **GREEDY)) == several
    assert write([], **GREEDY) == []
    three = write(PROMPTS[0], do_sample=True, num_return_sequences=3, max_new_tokens=5, seed=1)
    assert len(three) == 3


def test_together_as_alone(write: Any) -> None:
    """Prompts that are padded and continued together get the text that each gets alone."""
    assert write(PROMPTS, **GREEDY) == [write(prompt, **GREEDY) for prompt in PROMPTS]
    longer = {"do_sample": False, "max_length": 60}
    assert write(PROMPTS, **longer) == [write(prompt, **longer) for prompt in PROMPTS]


def test_what_comes_back(write: Any) -> None:
    prompt = PROMPTS[1]
    whole = write(prompt, **GREEDY)[0]["generated_text"]
    new = write(prompt, return_full_text=False, **GREEDY)[0]["generated_text"]
    assert whole == prompt + new
    ids = write(prompt, return_tensors=True, **GREEDY)[0]["generated_token_ids"]
    assert all(type(token) is int for token in ids)
    assert write.tokenizer.decode(ids, skip_special_tokens=True).endswith(new)
    prefixed = write(prompt, prefix="Nobody came. ", **GREEDY)[0]["generated_text"]
    assert prefixed.startswith(prompt)
    with pytest.raises(InputError, match="exclude each other"):
        write(prompt, return_tensors=True, return_full_text=False)
    made = copy.copy(write)
    made.options = write.resolve_options(
        {"return_tensors": True, **GREEDY}, defaults=write.options, call="here"
    )
    assert made(prompt)[0].keys() == {"generated_token_ids"}
    assert made(prompt, return_full_text=False)[0].keys() == {"generated_text"}


def test_a_seed_makes_text_the_same(write: Any) -> None:
    state = torch.get_rng_state()
    first = write(PROMPTS, seed=3, max_new_tokens=10)
    assert write(PROMPTS, seed=3, max_new_tokens=10) == first
    assert write(PROMPTS, seed=4, max_new_tokens=10) != first
    assert torch.equal(state, torch.get_rng_state())


def test_settings_come_from_the_call_then_the_model_then_the_task(folder: Path, tmp_path: Path) -> None:
    def settings(values: dict[str, Any], **given: Any) -> Any:
        shutil.copytree(folder, tmp_path / "m", dirs_exist_ok=True)
        (tmp_path / "m" / "generation_config.json").write_text(json.dumps({"eos_token_id": 2, **values}))
        made = pipeline("text-generation", tmp_path / "m", device="cpu")
        return made._settings(made.resolve_options(given, defaults=made.options, call="here"))

    plain, free = settings({})
    assert (plain.max_new_tokens, plain.do_sample, plain.temperature, free) == (256, True, 0.7, True)
    own, free = settings({"do_sample": False, "max_new_tokens": 7})
    assert (own.max_new_tokens, own.do_sample, free) == (7, False, False)
    call, free = settings({"temperature": 0.5, "max_new_tokens": 7}, max_new_tokens=9, top_k=3)
    assert (call.max_new_tokens, call.temperature, call.top_k) == (9, 0.5, 3)
    whole, _ = settings({}, max_length=30)
    assert (whole.max_new_tokens, whole.max_length) == (None, 30)
    beams, _ = settings({}, num_beams=2)
    assert not beams.do_sample


def test_the_default_length_gives_way_to_the_model(write: Any) -> None:
    ids = write(PROMPTS[0], return_tensors=True, seed=5)[0]["generated_token_ids"]
    assert len(ids) <= 81
    with pytest.raises(InputError):
        write(PROMPTS[0], max_new_tokens=500)


def test_a_stop_sequence(write: Any) -> None:
    new = write(PROMPTS[0], return_full_text=False, **GREEDY)[0]["generated_text"]
    stop = new[3:5]
    cut = write(PROMPTS[0], return_full_text=False, stop_sequence=stop, **GREEDY)[0]["generated_text"]
    assert stop in cut
    assert len(cut) < len(new)
    assert new.startswith(cut)


def test_conversations(write: Any) -> None:
    found = write(CHAT, **GREEDY)
    talk = found[0]["generated_text"]
    assert talk[:-1] == CHAT
    assert talk[-1]["role"] == "assistant"
    assert write([CHAT, CHAT], **GREEDY) == [found, found]
    prompt = write.tokenizer.apply_chat_template(CHAT, tokenize=False, add_generation_prompt=True)
    assert prompt == "user: Who keeps the bees?\nassistant: "
    begun = [*CHAT, {"role": "assistant", "content": "Old"}]
    longer = write(begun, **GREEDY)[0]["generated_text"]
    assert len(longer) == 2
    assert longer[-1]["content"].startswith("Old")
    answered = write(begun, continue_final_message=False, **GREEDY)[0]["generated_text"]
    assert len(answered) == 3
    reply = write(CHAT, return_full_text=False, **GREEDY)[0]["generated_text"]
    assert reply == talk[-1]["content"]


def test_streaming(write: Any) -> None:
    streamer = TextIteratorStreamer(write.tokenizer, skip_prompt=True, skip_special_tokens=True)
    found = write(PROMPTS[0], streamer=streamer, return_full_text=False, **GREEDY)
    assert "".join(streamer) == found[0]["generated_text"]


def test_long_prompts(write: Any) -> None:
    long = "The soup was wonderful. " * 30
    with pytest.raises(InputError, match="at most 80"):
        write(long, **GREEDY)
    assert write(long, handle_long_generation="hole", **GREEDY)
    assert write(long, truncation=True, tokenizer_encode_kwargs={"max_length": 40}, **GREEDY)
    with pytest.raises(InputError, match="hole"):
        write(long, handle_long_generation="hole", max_new_tokens=90)
    with pytest.raises(InputError, match="'hole'"):
        write(long, handle_long_generation="cut")


def test_an_empty_prompt_begins_a_text(write: Any) -> None:
    plain = write("", add_special_tokens=False, return_tensors=True, **GREEDY)[0]["generated_token_ids"]
    assert plain[0] == write.tokenizer.bos_token_id


def test_scores_beside_the_text(write: Any) -> None:
    found = write(PROMPTS[0], return_dict_in_generate=True, output_scores=True, **GREEDY)
    assert len(found[0]["scores"]) <= 12
    assert len(found[0]["scores"][0]) == 345


def test_the_users_tokenizer_is_left_alone(folder: Path) -> None:
    made = pipeline("text-generation", folder, device="cpu")
    made.tokenizer.pad_token = None
    side = made.tokenizer.padding_side
    assert made(PROMPTS, **GREEDY)
    assert made.tokenizer.padding_side == side
    assert made.tokenizer.pad_token is None


@pytest.mark.parametrize(
    ("inputs", "options", "words"),
    [
        (None, {}, "None; expected a text"),
        (5, {}, "int 5"),
        ({"role": "user", "content": "x"}, {}, "expected a text, a conversation"),
        ([{"role": "user"}], {}, "role and content"),
        (["a", None], {}, "Input 1 is None"),
        ("a", {"seed": "x"}, "seed is 'x'"),
        ("a", {"temperature": -1.0}, "temperature is -1.0"),
    ],
)
def test_what_is_refused(write: Any, inputs: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        write(inputs, **options)


def test_a_misspelt_option(write: Any) -> None:
    with pytest.raises(UnknownArgument, match="Did you mean 'max_new_tokens'"):
        write("a", max_new_token=3)


def test_equal_to_the_oracle(write: Any, folder: Path) -> None:
    transformers = pytest.importorskip("transformers")
    theirs = transformers.pipeline("text-generation", str(folder), device="cpu", dtype="float32")
    plain = transformers.GenerationConfig(do_sample=False, max_new_tokens=12, pad_token_id=1, eos_token_id=2)
    for prompt in PROMPTS:
        for back in ({}, {"return_full_text": False}, {"return_tensors": True}):
            ours = write(prompt, **GREEDY, **back)
            assert ours == theirs(prompt, generation_config=plain, **back), prompt
    ours = write(CHAT, **GREEDY)
    assert ours == theirs(CHAT, generation_config=plain)
    assert len(set(ours[0]["generated_text"][-1]["content"])) > 3


@pytest.mark.parametrize("length", [19, 20, 21])
def test_max_length_counts_the_prompt_also_where_it_is_the_default(write: Any, length: int) -> None:
    (record,) = write("Nobody", max_length=length, do_sample=False, eos_token_id=-1, return_tensors=True)
    assert len(record["generated_token_ids"]) == length
