"""What generation starts from: checks that turn wrong answers into sentences.

Shapes:  B rows  L tokens
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hubformer.errors import InputError
from hubformer.generation.config import GenerationConfig
from hubformer.models.inputs import Inputs, check
from hubformer.models.stepping import Prompt

# Arguments of generate that belong to the prompt: what is said of each token, what is the same at every step.
TOLD = ("token_type_ids", "global_attention_mask")
SAME = ("encoder_hidden_states", "encoder_attention_mask", "head_mask", "use_mems")
PROMPT = ("input_ids", "inputs_embeds", "attention_mask", "past_key_values", "cache_position", *TOLD, *SAME)
# Those of an encoder-decoder.
ANSWER = ("decoder_input_ids", "decoder_attention_mask", "encoder_outputs")


def places(model: Any) -> int | None:
    """How many tokens the model can read that it has written; None: any number."""
    body = getattr(model.computation.body, "decoder", model.computation.body)
    length: int | None = body.limits.length
    return length


def encodes(model: Any) -> bool:
    """Whether an encoder reads the prompt, and a decoder writes."""
    return hasattr(model.computation.body, "encode")


def prompt_of(
    model: Any, named: Mapping[str, Any], *, inputs: Tensor | None, config: GenerationConfig
) -> Prompt:
    """The prompt of a call.

    Raises:
        InputError: no tokens, not whole numbers, padding on the right, a mask of another shape.
    """
    if encodes(model):
        return _answering(model, named, inputs=inputs, config=config)
    for name in ANSWER:
        if named.get(name) is not None:
            raise InputError(f"{type(model).__name__} has no encoder, so it takes no {name}. Leave it out.")
    takes = set(model.head_row.arguments)
    vectors, mask = named.get("inputs_embeds"), named.get("attention_mask")
    if vectors is not None and inputs is None and named.get("input_ids") is None:
        _check_vectors(model, vectors, takes=takes)
        ids = torch.zeros(len(vectors), 0, dtype=torch.long, device=model.device)
        mask = None if mask is None else _checked_mask(mask, vectors[:, :, 0])
    else:
        ids = _ids(inputs, named.get("input_ids"), config=config, device=model.device)
        mask = _guessed_mask(ids, config) if mask is None else _checked_mask(mask, ids)
        if vectors is not None:
            _check_vectors(model, vectors, takes=takes, like=ids)
    others = {name: named[name] for name in SAME if named.get(name) is not None} | _asked(config)
    for name in (*SAME, "global_attention_mask"):
        if name not in takes and named.get(name) is not None:
            raise InputError(f"{type(model).__name__} takes no {name}. Leave it out.")
    types = named.get("token_type_ids")
    if types is not None and types.shape != ids.shape:
        raise InputError(
            f"token_type_ids has the shape {list(types.shape)}, expected {list(ids.shape)} as input_ids."
        )
    return Prompt(ids, mask, types, others, embeddings=vectors)


def _asked(config: GenerationConfig) -> dict[str, Any]:
    """What each pass has to return beside the logits."""
    names = ("output_attentions", "output_hidden_states")
    asked = {name: True for name in names if getattr(config, name)}
    return asked if config.return_dict_in_generate else {}


def _check_vectors(model: Any, vectors: Any, *, takes: set[str], like: Tensor | None = None) -> None:
    if "inputs_embeds" not in takes:
        raise InputError(f"{type(model).__name__} takes no inputs_embeds. Pass input_ids.")
    if not isinstance(vectors, Tensor) or vectors.dim() != 3 or 0 in vectors.shape:
        found = list(vectors.shape) if isinstance(vectors, Tensor) else type(vectors).__name__
        raise InputError(f"inputs_embeds is {found}, expected a tensor (sequences, length, width).")
    if like is not None and vectors.shape[:2] != like.shape:
        raise InputError(
            f"inputs_embeds has the shape {list(vectors.shape)} and input_ids {list(like.shape)}; expected "
            "the same sequences and length. Pass one of them."
        )


def _answering(
    model: Any, named: Mapping[str, Any], *, inputs: Tensor | None, config: GenerationConfig
) -> Prompt:
    """What the encoder has read, and the first tokens of the decoder."""
    takes = model.head_row.arguments
    for name in (*TOLD, *SAME):
        if named.get(name) is not None and (name in SAME or name not in takes):
            raise InputError(f"{type(model).__name__}.generate takes no {name}. Leave it out.")
    mask, states, source = named.get("attention_mask"), named.get("encoder_outputs"), None
    vectors = named.get("inputs_embeds")
    if states is None and vectors is not None:
        if inputs is not None or named.get("input_ids") is not None:
            raise InputError("The prompt is given twice: pass either input_ids or inputs_embeds.")
        _check_vectors(model, vectors, takes=set(takes))
        with torch.no_grad():
            read = Inputs(None, mask, inputs_embeds=vectors)
            check(read, model.computation.body.limits)
            states = model.computation.body.encode(read).last
    elif states is None:
        source = _ids(inputs, named.get("input_ids"), config=config, device=model.device)
        mask = _padding(source, config) if mask is None else mask
        with torch.no_grad():
            read = Inputs(source, mask, **{name: named[name] for name in TOLD if name in named})
            check(read, model.computation.body.limits)
            states = model.computation.body.encode(read).last
    else:
        states = states if isinstance(states, Tensor) else states[0]
    first = _first(model, named.get("decoder_input_ids"), rows=len(states), config=config)
    decoder_mask = named.get("decoder_attention_mask")
    others = {"encoder_outputs": states} | ({} if mask is None else {"attention_mask": mask})
    return Prompt(
        first,
        None if decoder_mask is None else _checked_mask(decoder_mask, first),
        None,
        others | _asked(config),
        source,
        encoder=_encoder_states(model, source, mask, config=config),
    )


def _encoder_states(
    model: Any, source: Tensor | None, mask: Tensor | None, *, config: GenerationConfig
) -> dict[str, Any]:
    """Attentions and hidden states of the encoder, where the result is to have them."""
    asked = _asked(config)
    if not asked or source is None:
        return {}
    with torch.no_grad():
        out = model(
            input_ids=source, attention_mask=mask, decoder_input_ids=source[:, :1], return_dict=True, **asked
        )
    names = ("encoder_attentions", "encoder_hidden_states")
    return {name: out[name] for name in names if getattr(out, name, None) is not None}


def _first(model: Any, given: Tensor | None, *, rows: int, config: GenerationConfig) -> Tensor:
    """The decoder's first tokens: the start token, and those that the caller wants behind it."""
    start = config.decoder_start_token_id
    if start is None:
        start = getattr(model.config, "decoder_start_token_id", None)
    start = config.bos_token_id if start is None else start
    if start is None:
        raise InputError("Nothing says with which token the decoder starts: pass decoder_start_token_id.")
    begin = torch.tensor(start, device=model.device).reshape(-1, 1).expand(rows, 1)
    if given is None:
        return begin
    given = _ids(None, given, config=config, device=model.device)
    if len(given) != rows:
        raise InputError(f"decoder_input_ids has {len(given)} rows, expected {rows} as the encoder has read.")
    return given if bool((given[:, :1] == begin).all()) else torch.cat([begin, given], dim=1)


def _padding(ids: Tensor, config: GenerationConfig) -> Tensor | None:
    """Without a mask the padding token tells, on either side."""
    padding = config.pad_token_id
    return None if padding is None or not bool((ids == padding).any()) else (ids != padding).long()


def _ids(inputs: Any, by_name: Any, *, config: GenerationConfig, device: torch.device) -> Tensor:
    if inputs is not None and by_name is not None:
        raise InputError("The prompt is given twice: pass either inputs or input_ids.")
    ids = inputs if by_name is None else by_name
    if ids is None:
        start = config.bos_token_id
        if not isinstance(start, int) or start < 0:
            raise InputError("There is no prompt and no bos_token_id to start from. Pass input_ids.")
        ids = torch.tensor([[start]], device=device)
    if not isinstance(ids, Tensor):
        raise InputError(
            f"The prompt is a {type(ids).__name__}, expected a tensor of token ids (rows, length), as "
            'tokenizer(text, return_tensors="pt") gives under input_ids.'
        )
    if ids.dim() != 2 or 0 in ids.shape:
        raise InputError(
            f"The prompt has the shape {list(ids.shape)}, expected (rows, length), both above 0."
        )
    if ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool:
        raise InputError(f"The prompt has the dtype {ids.dtype}, expected whole numbers such as torch.long.")
    if ids.device != device:
        raise InputError(
            f"The prompt is on {ids.device} and the model on {device}. Move it: .to(model.device)."
        )
    return ids.long()


def _guessed_mask(ids: Tensor, config: GenerationConfig) -> Tensor | None:
    """Without a mask the padding token tells, as in v4, unless it ends texts too."""
    padding, ends = config.pad_token_id, config.eos_token_id
    ends = ends if isinstance(ends, (list, tuple)) else [ends]
    if padding is None or padding in ends or not bool((ids == padding).any()):
        return None
    return _checked_mask((ids != padding).long(), ids)


def _checked_mask(mask: Any, ids: Tensor) -> Tensor | None:
    if not isinstance(mask, Tensor) or mask.shape != ids.shape:
        found = list(mask.shape) if isinstance(mask, Tensor) else type(mask).__name__
        raise InputError(f"attention_mask is {found}, expected the shape {list(ids.shape)} as input_ids.")
    attended = mask.bool()
    if bool(attended.all()):
        return None
    if not bool(attended.any(-1).all()):
        row = int((~attended.any(-1)).int().argmax())
        raise InputError(f"Row {row} of the prompt is nothing but padding. Give it a token or leave it out.")
    if not bool(attended[:, -1].all()):
        raise InputError(
            "The prompt is padded on the right, where the new tokens belong. Pad on the left: "
            'tokenizer.padding_side = "left".'
        )
    return mask
