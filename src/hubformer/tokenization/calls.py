"""One call of a tokenizer: what the encoder is asked for, and what its encodings become."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from tokenizers import Encoding

from hubformer.errors import InputError
from hubformer.tokenization.backend import Backend, Settings
from hubformer.tokenization.encoding import BatchEncoding
from hubformer.tokenization.preparation import Preparation
from hubformer.tokenization.requests import Request

# Output name -> attribute of a Rust encoding, in the order of the output.
_COLUMNS = {
    "input_ids": "ids",
    "token_type_ids": "type_ids",
    "attention_mask": "attention_mask",
    "special_tokens_mask": "special_tokens_mask",
    "offset_mapping": "offsets",
}


def encoder_settings(tokenizer: Preparation, request: Request, *, split: bool) -> Settings:
    """Truncation and padding of one call, for the Rust encoder; `split` cuts special tokens like text."""
    settings = Settings(split_special_tokens=split)
    if request.truncation is not None:
        settings = settings._replace(
            truncation=request.truncation,
            max_length=request.max_length or 0,
            stride=request.stride,
            truncation_side=tokenizer.truncation_side,
        )
    if request.padding is not None:
        settings = settings._replace(
            padding=request.padding,
            padded_length=request.max_length if request.padding == "max_length" else None,
            padding_side=request.padding_side,
            multiple=request.multiple,
            pad_id=tokenizer.pad_token_id or 0,
            pad_token=tokenizer.pad_token or "",
            pad_type=tokenizer.pad_token_type_id,
        )
    return settings


def check_room(backend: Backend, request: Request, *, paired: bool, special: bool, overflow: bool) -> None:
    """That the length asked for leaves room for text.

    Raises:
        InputError: it does not, or not beside the stride.
    """
    surrounding = backend.own.num_special_tokens_to_add(paired) if special else 0
    room = (request.max_length or 0) - surrounding
    # Rust would not truncate at all in the first case, and panic in the second.
    if room < 0 or (room == 0 and overflow):
        raise InputError(
            f"max_length is {request.max_length}, which leaves no room for text beside {surrounding} "
            "special tokens."
        )
    if request.stride and request.stride >= room:
        raise InputError(
            f"stride is {request.stride}; it must be smaller than the {room} tokens of text in one window "
            f"(max_length {request.max_length} minus {surrounding} special tokens)."
        )


def collected(
    found: list[Encoding],
    columns: Mapping[str, bool | None],
    *,
    backend: Backend,
    inputs: Collection[str],
    overflow: bool,
    single: bool,
    tensors: str | None,
) -> BatchEncoding:
    """The encodings of rows as columns: those asked for, and the model's `inputs` where None was said.

    `overflow` gives each window a row of its own. `single` is one row, without the axis of rows where neither
    tensors nor windows were asked for.
    """
    encodings, owners = found, list(range(len(found)))
    if overflow:
        windows = [[encoding, *encoding.overflowing] for encoding in found]
        encodings = [window for row in windows for window in row]
        owners = [index for index, row in enumerate(windows) for _ in row]
    data: dict[str, Any] = {}
    for name, attribute in _COLUMNS.items():
        wanted = columns.get(name, True)
        if name in inputs if wanted is None else wanted:
            data[name] = [
                backend.ids(encoding) if name == "input_ids" else getattr(encoding, attribute)
                for encoding in encodings
            ]
    if columns["length"]:
        data["length"] = [len(encoding) for encoding in encodings]
    if overflow:
        data["overflow_to_sample_mapping"] = owners
    if single and tensors is None and not overflow:
        data = {key: value[0] if isinstance(value[0], list) else value for key, value in data.items()}
    return BatchEncoding(data, encodings, tensor_type=tensors)
