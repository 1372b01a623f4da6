"""A local folder -> its tokenizer, as the named class that its files or the model type say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hubformer.tokenization.conventions import class_inputs, convention_of, has_own_inputs
from hubformer.tokenization.loading import load
from hubformer.tokenization.named import TOKENIZER_CLASSES
from hubformer.tokenization.sources import Resolved, class_name, read_config
from hubformer.tokenization.tokenizer import PreTrainedTokenizerFast


def load_tokenizer(
    folder: Path,
    *,
    model_type: str | None = None,
    model_limit: int | None = None,
    tokenizer_class: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> PreTrainedTokenizerFast:
    """The tokenizer of a local folder, as the named class that its files or the model type say.

    `model_limit` is how many tokens the model takes, where its config says so: the tokenizer's own limit
    holds where it is smaller. `tokenizer_class` is the class that the model's config names: it counts where
    tokenizer_config.json names none. `overrides` are constructor arguments that win over the files.

    Raises:
        CheckpointError: files are missing or malformed; it names the file.
        UnknownArgument: an override that tokenizers do not take.
    """
    folder = Path(folder)
    config = read_config(folder)
    name = class_name(config) or tokenizer_class
    generic = name is not None and name.removesuffix("Fast") in ("PreTrainedTokenizer", "TokenizersBackend")
    convention = None if has_own_inputs(name) else convention_of(tokenizer_class=name, model_type=model_type)
    kind = TOKENIZER_CLASSES["PreTrainedTokenizerFast"]
    if convention is not None and not (generic and (folder / "tokenizer.json").is_file()):
        kind = TOKENIZER_CLASSES.get(f"{convention.name}Fast", TOKENIZER_CLASSES[convention.name])
    defaults: dict[str, Any] = {}
    if name is not None and not generic and convention is None:
        names, side = class_inputs(name)
        defaults = {"model_input_names": list(names), "padding_side": side}
    elif kind.convention is None and convention is not None:
        # A generic class says nothing about the model: what the model takes, and where it is padded, still
        # holds.
        defaults = {
            "model_input_names": list(convention.model_input_names),
            "padding_side": convention.padding_side,
            "pad_token_type_id": convention.pad_type,
        }
    resolved = Resolved(folder, model_type, model_limit, tokenizer_class)
    overrides = {"name_or_path": str(folder), **(overrides or {})}
    return load(kind, resolved, overrides=overrides, defaults=defaults, config=config)
