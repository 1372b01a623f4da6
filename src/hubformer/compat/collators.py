"""What v4's own collators are made with."""

from __future__ import annotations

from typing import Any

from hubformer.errors import InputError


class DataCollatorMixin:
    """A collator that is written as `torch_call(features)`."""

    return_tensors: str = "pt"

    def __call__(self, features: Any, return_tensors: str | None = None) -> Any:
        kind = return_tensors or self.return_tensors
        call = {"pt": "torch_call", "np": "numpy_call"}.get(kind)
        if call is None:
            raise InputError(f"return_tensors is {kind!r}, expected 'pt' or 'np'.")
        return getattr(self, call)(features)


def pad_without_fast_tokenizer_warning(tokenizer: Any, *pad_args: Any, **pad_kwargs: Any) -> Any:
    """`tokenizer.pad`."""
    return tokenizer.pad(*pad_args, **pad_kwargs)
