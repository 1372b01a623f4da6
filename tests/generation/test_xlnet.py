"""XLNet writes too: each new token is a target that sees all others (its mems are an approximation, so with
and without them it writes different texts, as the oracle does)."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch

import hubformer
from hubformer.errors import InputError
from telling import Pair, distance, prompts

transformers = pytest.importorskip("transformers")

TINY = {
    "vocab_size": 99,
    "d_model": 32,
    "n_layer": 2,
    "n_head": 4,
    "d_inner": 40,
    "bos_token_id": 3,
    "eos_token_id": 2,
    "pad_token_id": 1,
    "mem_len": None,
}
NEW = 12
SINGLE = 1e-6  # the oracle computes its distances in float32, and casts its logits to it
DICT = {"return_dict_in_generate": True, "output_scores": True, "output_logits": True}


def shaken(folder: Any, *, first: int, **changes: Any) -> Pair:
    """The first seed from there that writes at least eight different tokens, each by a margin, with mems and
    without.

    Tokens are shaken harder than the rest, else it repeats itself.
    """
    for seed in range(first, first + 200):
        torch.manual_seed(seed)
        oracle = transformers.XLNetLMHeadModel(transformers.XLNetConfig(**{**TINY, **changes})).eval()
        with torch.no_grad():
            for name, parameter in oracle.named_parameters():
                parameter.add_(torch.randn_like(parameter) * (1.0 if "word_embedding" in name else 0.3))
        if all(_telling(oracle, use_mems) for use_mems in (True, False)):
            oracle.save_pretrained(folder)
            ours = hubformer.XLNetLMHeadModel.from_pretrained(folder, dtype="float64")
            return Pair(in_float64(oracle), ours, folder)
    raise AssertionError("no seed gives a telling model")


def in_float64(oracle: Any) -> Any:
    """The oracle makes its masks and distances in float32, whatever the model is in."""
    prepare, encode = oracle.prepare_inputs_for_generation, oracle.transformer.relative_positional_encoding

    @functools.wraps(prepare)
    def prepared(*values: Any, **named: Any) -> dict[str, Any]:
        return {
            name: value.double() if isinstance(value, torch.Tensor) and value.is_floating_point() else value
            for name, value in prepare(*values, **named).items()
        }

    oracle.prepare_inputs_for_generation = prepared
    oracle.transformer.relative_positional_encoding = lambda *v, **n: encode(*v, **n).double()
    return oracle.double()


def _telling(model: Any, use_mems: bool) -> bool:
    ids = prompts(2, 6)
    out = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=NEW,
        use_mems=use_mems,
        eos_token_id=None,
        **DICT,
    )
    best, new = torch.stack(out.logits).topk(2).values, out.sequences[:, 6:]
    margin = float((best[..., 0] - best[..., 1]).min())
    return len(new.unique()) >= 8 and min(len(row.unique()) for row in new) >= 3 and margin > 1e-3


@pytest.fixture(
    scope="module",
    params=[{"first": 1}, {"first": 1, "mem_len": 5}, {"first": 42, "clamp_len": 3}],
    ids=["plain", "short mems", "clamped"],
)
def xlnet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    transformers.logging.set_verbosity_error()
    return shaken(tmp_path_factory.mktemp("xlnet"), **request.param)


@pytest.mark.parametrize("use_mems", [True, False, None])
@pytest.mark.parametrize(
    "how", [{}, {"num_beams": 3, "num_return_sequences": 2}, {"repetition_penalty": 1.3}], ids=str
)
def test_it_writes_what_the_oracle_writes(xlnet: Pair, how: dict[str, Any], use_mems: bool | None) -> None:
    named: dict[str, Any] = {"max_new_tokens": NEW, "eos_token_id": [30, 31, 32], "use_mems": use_mems}
    theirs, mine = xlnet.both(prompts(2, 6), **named, **how, **DICT)
    assert torch.equal(mine.sequences, theirs.sequences)
    assert len(mine.logits) == len(theirs.logits)
    assert distance(mine.logits[0], theirs.logits[0]) <= SINGLE
    assert distance(mine.logits[-1], theirs.logits[-1]) <= SINGLE or bool((mine.sequences == 1).any())


@pytest.mark.parametrize("use_mems", [True, False])
@pytest.mark.parametrize("how", [{}, {"num_beams": 3}], ids=str)
def test_a_padded_row_writes_what_it_writes_alone(xlnet: Pair, how: dict[str, Any], use_mems: bool) -> None:
    ids, mask = prompts(3, 8), torch.ones(3, 8, dtype=torch.long)
    for row, padding in enumerate((0, 3, 6)):
        ids[row, :padding], mask[row, :padding] = 1, 0
    named = {"max_new_tokens": NEW, "eos_token_id": None, "use_mems": use_mems, **how}
    together = xlnet.ours.generate(ids, attention_mask=mask, **named, **DICT)
    for row, padding in enumerate((0, 3, 6)):
        alone = xlnet.ours.generate(ids[row : row + 1, padding:], **named, **DICT)
        assert torch.equal(together.sequences[row : row + 1, padding:], alone.sequences)
        if not how:
            for a, b in zip(together.logits, alone.logits, strict=True):
                assert distance(a[row : row + 1], b) <= SINGLE


def test_with_mems_only_the_last_tokens_are_read_again(xlnet: Pair) -> None:
    read: list[int] = []
    hook = xlnet.ours.computation.body.embedding.register_forward_pre_hook(
        lambda m, given: read.append(given[0].shape[1])
    )
    for use_mems in (True, False):
        xlnet.ours.generate(prompts(1, 6), max_new_tokens=3, eos_token_id=None, use_mems=use_mems)
    hook.remove()
    assert read == [7, 3, 3, 7, 8, 9]


def test_types_follow_the_last(xlnet: Pair) -> None:
    ids, types = prompts(2, 6), torch.tensor([[0, 0, 0, 1, 1, 1], [1, 1, 0, 0, 0, 0]])
    out = xlnet.ours.generate(ids, token_type_ids=types, max_new_tokens=4, eos_token_id=None, use_mems=False)
    longer = torch.cat([types, types[:, -1:].expand(-1, 4)], dim=1)
    for new in range(4):
        length = 6 + new
        asked = torch.nn.functional.pad(out[:, :length], (0, 1))
        unseen = torch.zeros(2, length + 1, length + 1, dtype=torch.float64)
        unseen[:, :, -1] = 1
        with torch.no_grad():
            scores = xlnet.oracle(
                asked,
                perm_mask=unseen,
                target_mapping=unseen[:, :1],
                token_type_ids=longer[:, : length + 1],
                use_mems=False,
            ).logits[:, -1]
        assert torch.equal(scores.argmax(-1), out[:, length])


def test_what_it_cannot_take(xlnet: Pair) -> None:
    with pytest.raises(InputError, match="keeps mems, not keys"):
        xlnet.ours.generate(prompts(1, 4), past_key_values=[(torch.zeros(1, 1, 1, 1),) * 2], max_new_tokens=2)
