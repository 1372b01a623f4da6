"""Writing a tokenizer so that hubformer and transformers 4 and 5 read the same ids from it."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenizers import AddedToken

from hubformer.errors import InputError

if TYPE_CHECKING:
    from hubformer.tokenization.tokenizer import PreTrainedTokenizerFast

# Names the family where transformers must be told the general class, to take tokenizer.json as it is.
OWN_CLASS = "hubformer_tokenizer_class"

# Said anew by the files themselves, or about this machine only.
_NOT_WRITTEN = (
    "name_or_path",
    "tokenizer_file",
    "tokenizer_object",
    "special_tokens_map_file",
    "vocab_file",
    "merges_file",
    "chat_template",
    "added_tokens_decoder",
    "max_len",
    OWN_CLASS,
)


def as_json(value: Any, *, typed: bool) -> Any:
    """A value for a JSON file; `typed` marks tokens so that transformers 4 makes AddedTokens of them."""
    if isinstance(value, AddedToken):
        state = dict(value.__getstate__())
        if typed:
            return {"__type": "AddedToken", **state}
        state.pop("special", None)
        return state
    if isinstance(value, list | tuple):
        return [as_json(item, typed=typed) for item in value]
    if isinstance(value, Mapping):
        return {str(key): as_json(item, typed=typed) for key, item in value.items()}
    return value


def texts_of(tokenizer: PreTrainedTokenizerFast) -> dict[str, str | bytes]:
    """File name -> content, for everything that a tokenizer is.

    Raises:
        InputError: a chat template's name cannot be a file name.
    """
    state = json.loads(tokenizer._backend.own.to_str())
    state["truncation"] = state["padding"] = None
    added = tokenizer.added_tokens_decoder
    beyond = {token.content: i for i, token in added.items() if i >= tokenizer.vocab_size}
    special = as_json(tokenizer.special_tokens_map_extended, typed=False)
    return {
        "tokenizer_config.json": _dumped(_config(tokenizer, state)),
        "special_tokens_map.json": _dumped(special),
        **_templates(tokenizer.chat_template),
        **({"added_tokens.json": _dumped(beyond)} if beyond else {}),
        **(
            tokenizer._raw
            or {
                "tokenizer.json": json.dumps(state, indent=2, ensure_ascii=False),
                **_vocabulary_files(tokenizer),
            }
        ),
    }


def _vocabulary_files(tokenizer: PreTrainedTokenizerFast) -> dict[str, bytes]:
    """The raw files of the family, where the model inside writes just these: vocab.txt, or vocab.json with
    merges.txt. Programs that do not read tokenizer.json read them.
    """
    convention = tokenizer.convention
    if convention is None:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        written = [Path(path) for path in tokenizer._backend.own.model.save(folder)]
        if {path.name for path in written} != {names[0] for names in convention.files.values()}:
            return {}
        return {path.name: path.read_bytes() for path in written}


def _config(tokenizer: PreTrainedTokenizerFast, state: Mapping[str, Any]) -> dict[str, Any]:
    settings = {
        **tokenizer.init_kwargs,
        **tokenizer.special_tokens_map_extended,
        "extra_special_tokens": tokenizer.extra_special_tokens,
        "model_max_length": tokenizer.model_max_length,
        "padding_side": tokenizer.padding_side,
        "truncation_side": tokenizer.truncation_side,
        "model_input_names": list(tokenizer.model_input_names),
        "clean_up_tokenization_spaces": tokenizer.clean_up_tokenization_spaces,
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    if tokenizer.pad_token_type_id:
        settings["pad_token_type_id"] = tokenizer.pad_token_type_id
    own: dict[str, str] = {}
    convention = tokenizer.convention
    if convention is not None and tokenizer._raw:
        settings["tokenizer_class"] = convention.name
    elif convention is not None and (
        # Files of these families were published with either algorithm of SentencePiece.
        convention.languages is not None or convention.algorithm == state["model"]["type"]
    ):
        if _is_rebuilt_right(state):
            settings.update(_truths(state), tokenizer_class=convention.name)
        else:
            own[OWN_CLASS] = convention.name
    config = {key: as_json(value, typed=True) for key, value in settings.items() if key not in _NOT_WRITTEN}
    config.update(own)
    config["added_tokens_decoder"] = {
        str(index): dict(token.__getstate__()) for index, token in tokenizer.added_tokens_decoder.items()
    }
    return config


def _is_rebuilt_right(state: Mapping[str, Any]) -> bool:
    """Whether transformers 5, which rebuilds the pipeline from the class name, gets the one in the file.

    It does not for SentencePiece families: spaces around special and added tokens go astray.
    """
    kinds = [
        (state.get(part) or {}).get("type") for part in ("normalizer", "pre_tokenizer", "post_processor")
    ]
    return kinds == ["BertNormalizer", "BertPreTokenizer", "TemplateProcessing"] or (
        kinds[:2] == [None, "ByteLevel"] and kinds[2] in ("RobertaProcessing", "ByteLevel")
    )


def _truths(state: Mapping[str, Any]) -> dict[str, Any]:
    """Options as the pipeline has them: transformers 5 rebuilds it from these, not from tokenizer.json."""
    found: dict[str, Any] = {}
    normalizer = state.get("normalizer") or {}
    if normalizer.get("type") == "BertNormalizer":
        found["do_lower_case"] = normalizer["lowercase"]
        found["strip_accents"] = normalizer["strip_accents"]
        found["tokenize_chinese_chars"] = normalizer["handle_chinese_chars"]
    pre_tokenizer = state.get("pre_tokenizer") or {}
    if pre_tokenizer.get("type") == "ByteLevel":
        found["add_prefix_space"] = pre_tokenizer["add_prefix_space"]
    processor = state.get("post_processor") or {}
    if processor.get("type") == "RobertaProcessing":
        found["trim_offsets"] = processor["trim_offsets"]
    return found


def _templates(chat_template: Any) -> dict[str, str]:
    """Relative path -> text of the files that hold chat templates.

    Raises:
        InputError: a template's name is not a plain file name.
    """
    if chat_template is None:
        return {}
    if isinstance(chat_template, str):
        return {"chat_template.jinja": chat_template}
    files: dict[str, str] = {}
    for name, text in chat_template.items():
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
            raise InputError(
                f"The chat template's name {name!r} cannot be a file name: use letters, digits, _ and -."
            )
        default = name == "default"
        files["chat_template.jinja" if default else f"additional_chat_templates/{name}.jinja"] = text
    return files


def _dumped(value: Any) -> str:
    """JSON as transformers writes it."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write(path: Path, content: str | bytes) -> Path:
    """Replace a file in one step: a reader sees the old content or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "wb") as file:
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        # Temporary files are private; the saved one follows the umask like any other.
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def _umask() -> int:
    try:
        # Reading through /proc does not touch the mask of other threads.
        found = re.search(r"^Umask:\s*([0-7]+)", Path("/proc/self/status").read_text(), re.MULTILINE)
        if found:
            return int(found.group(1), 8)
    except OSError:
        pass
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
