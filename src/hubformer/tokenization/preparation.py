"""From ids to model inputs: special tokens, truncation and padding of what is already encoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hubformer.errors import InputError
from hubformer.tokenization.backend import Backend
from hubformer.tokenization.encoding import BatchEncoding
from hubformer.tokenization.requests import Request, resolved
from hubformer.tokenization.special_tokens import SpecialTokens

_PADS = {"attention_mask": 0, "special_tokens_mask": 1}


class Preparation(SpecialTokens):
    """What works on ids rather than on text."""

    _backend: Backend
    model_input_names: list[str]
    padding_side: str
    truncation_side: str
    model_max_length: int
    pad_token_type_id: int
    other_pads: Mapping[str, int] = {}

    def _warn_once(self, message: str, *, topic: str | None = None) -> None:
        raise NotImplementedError

    def _request(self, *, verbose: bool = True, **arguments: Any) -> Request:
        side = arguments.pop("padding_side", None)
        request = resolved(
            padding_side=self.padding_side if side is None else side, limit=self.model_max_length, **arguments
        )
        if verbose:
            for message in request.warnings:
                self._warn_once(message)
        if request.padding is not None and self.pad_token_id is None:
            raise InputError(self._no_padding())
        return request

    def _no_padding(self) -> str:
        found = "has no padding token"
        if self.pad_token is not None:
            found = f"has the padding token {self.pad_token!r}, which is not in the vocabulary"
        return (
            f"Padding was asked for, but this tokenizer {found}. Set tokenizer.pad_token = "
            "tokenizer.eos_token, "
            "or add one: tokenizer.add_special_tokens({'pad_token': '[PAD]'}) and resize the model's "
            "embeddings."
        )

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """How many special tokens surround one text, or a pair."""
        return self._backend.own.num_special_tokens_to_add(pair)

    @property
    def max_len_single_sentence(self) -> int:
        """How many tokens of one text fit into the model."""
        return self.model_max_length - self.num_special_tokens_to_add()

    @property
    def max_len_sentences_pair(self) -> int:
        """How many tokens of a pair of texts fit into the model."""
        return self.model_max_length - self.num_special_tokens_to_add(pair=True)

    def _laid_out(self, first: list[int], second: list[int] | None) -> list[tuple[int, int, int]]:
        """(id, token type, 1 for a special token) for each place."""
        places: list[tuple[int, int, int]] = []
        for slot in self._backend.pattern(pair=second is not None):
            if slot.part is None:
                places.append((slot.id, slot.type, 1))
            else:
                places += [(index, slot.type, 0) for index in (first if slot.part == "A" else second or [])]
        return places

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """Surround one list of ids, or two, with the special tokens that a call would add."""
        return [place[0] for place in self._laid_out(token_ids_0, token_ids_1)]

    def create_token_type_ids_from_sequences(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """The token types of `build_inputs_with_special_tokens`."""
        return [place[1] for place in self._laid_out(token_ids_0, token_ids_1)]

    def get_special_tokens_mask(
        self,
        token_ids_0: list[int],
        token_ids_1: list[int] | None = None,
        already_has_special_tokens: bool = False,
    ) -> list[int]:
        """1 for each special token, 0 for the others."""
        if not already_has_special_tokens:
            return [place[2] for place in self._laid_out(token_ids_0, token_ids_1)]
        if token_ids_1 is not None:
            raise InputError("With already_has_special_tokens=True all ids go into token_ids_0.")
        special = set(self.all_special_ids)
        return [int(index in special) for index in token_ids_0]

    def truncate_sequences(
        self,
        ids: list[int],
        pair_ids: list[int] | None = None,
        num_tokens_to_remove: int = 0,
        truncation_strategy: str = "longest_first",
        stride: int = 0,
    ) -> tuple[list[int], list[int] | None, list[int]]:
        """(ids, pair ids, overflowing tokens) after removing a number of tokens.

        Raises:
            InputError: the sequence to shorten has not more than that many tokens.
        """
        if num_tokens_to_remove <= 0:
            return ids, pair_ids, []
        left = self.truncation_side == "left"
        strategy = getattr(truncation_strategy, "value", truncation_strategy)
        if strategy == "longest_first" and pair_ids is not None:
            first, second = _shares(len(ids), len(pair_ids), num_tokens_to_remove)
            return _cut(ids, first, left=left), _cut(pair_ids, second, left=left), []
        if strategy == "only_second" and pair_ids is None:
            return ids, None, []
        if strategy not in ("longest_first", "only_first", "only_second"):
            raise InputError(
                f"truncation_strategy is {truncation_strategy!r}; expected longest_first, only_first or "
                "only_second."
            )
        chosen = pair_ids if strategy == "only_second" and pair_ids is not None else ids
        if len(chosen) <= num_tokens_to_remove:
            raise InputError(
                f"{num_tokens_to_remove} tokens must go, but the sequence to shorten has {len(chosen)}. "
                f"Use another strategy than {strategy!r}, or a larger max_length."
            )
        window = min(len(chosen), stride + num_tokens_to_remove)
        overflow = chosen[:window] if left else chosen[-window:]
        kept = _cut(chosen, num_tokens_to_remove, left=left)
        return (ids, kept, overflow) if chosen is pair_ids else (kept, pair_ids, overflow)

    def prepare_for_model(
        self,
        ids: list[int],
        pair_ids: list[int] | None = None,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        max_length: int | None = None,
        stride: int = 0,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_tensors: str | None = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_overflowing_tokens: bool = False,
        return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False,
        return_length: bool = False,
        verbose: bool = True,
        prepend_batch_axis: bool = False,
    ) -> BatchEncoding:
        """Turn ids of one text, or two, into what a model takes.

        Raises:
            InputError: offsets were asked for (ids have none), or the arguments contradict each other.
        """
        if return_offsets_mapping:
            raise InputError(
                "Ids carry no offsets: call the tokenizer on the text for return_offsets_mapping."
            )
        request = self._request(
            verbose=verbose,
            padding=padding,
            truncation=truncation,
            max_length=max_length,
            stride=stride,
            multiple=pad_to_multiple_of,
            padding_side=padding_side,
        )
        total = len(ids) + len(pair_ids or [])
        if add_special_tokens:
            total += self.num_special_tokens_to_add(pair=pair_ids is not None)
        overflow: list[int] = []
        surplus = 0 if request.max_length is None else total - request.max_length
        if request.truncation is not None:
            if request.truncation == "longest_first" and pair_ids is not None and return_overflowing_tokens:
                raise InputError("A pair cut longest_first has no overflow: use only_first or only_second.")
            ids, pair_ids, overflow = self.truncate_sequences(
                ids, pair_ids, surplus, request.truncation, stride
            )
        data: dict[str, Any] = {}
        if return_overflowing_tokens:
            data = {"overflowing_tokens": overflow, "num_truncated_tokens": surplus}
        places = (
            self._laid_out(ids, pair_ids)
            if add_special_tokens
            else [(i, 0, 0) for i in ids + (pair_ids or [])]
        )
        data["input_ids"] = [place[0] for place in places]
        if _wanted(return_token_type_ids, "token_type_ids", self.model_input_names):
            data["token_type_ids"] = [place[1] for place in places]
        if return_special_tokens_mask:
            data["special_tokens_mask"] = [place[2] for place in places]
        data = self._padded(data, request, target=len(places), mask=return_attention_mask)
        if return_length:
            data["length"] = len(data["input_ids"])
        return BatchEncoding(data, tensor_type=return_tensors, prepend_batch_axis=prepend_batch_axis)

    def pad(
        self,
        encoded_inputs: Any,
        padding: bool | str = True,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_attention_mask: bool | None = None,
        return_tensors: str | None = None,
        verbose: bool = True,
    ) -> BatchEncoding:
        """Pad encoded rows to one length: a dict of lists, or a list of dicts (a collate function).

        Pads `input_ids`, `attention_mask`, `token_type_ids` and `special_tokens_mask`, and LED's
        `global_attention_mask`; other keys are kept.

        Raises:
            InputError: there is no padding token, no `input_ids`, or rows that do not belong together.
        """
        data, kind = _columns(encoded_inputs, main=self.model_input_names[0])
        return_tensors = return_tensors or kind
        rows = data[self.model_input_names[0]]
        if len(rows) == 0:
            if return_attention_mask:
                data["attention_mask"] = []
            return BatchEncoding(data, tensor_type=return_tensors)
        request = self._request(
            verbose=verbose,
            padding=padding,
            # Rows are complete here: max_length without padding must not ask for truncation.
            truncation=False,
            max_length=max_length,
            stride=0,
            multiple=pad_to_multiple_of,
            padding_side=padding_side,
        )
        if not isinstance(rows[0], list):
            padded = self._padded(data, request, target=len(rows), mask=return_attention_mask)
            return BatchEncoding(padded, tensor_type=return_tensors)
        for key, value in data.items():
            if len(value) != len(rows):
                raise InputError(
                    f"{key!r} has {len(value)} rows and {self.model_input_names[0]!r} has {len(rows)}."
                )
        target = max(len(row) for row in rows)
        done = [
            self._padded(
                {key: value[i] for key, value in data.items()},
                request,
                target=target,
                mask=return_attention_mask,
            )
            for i in range(len(rows))
        ]
        return BatchEncoding({key: [row[key] for row in done] for key in done[0]}, tensor_type=return_tensors)

    def _padded(
        self, row: dict[str, Any], request: Request, *, target: int, mask: bool | None
    ) -> dict[str, Any]:
        """One row; `target` is the longest row's length."""
        main = self.model_input_names[0]
        length = len(row[main])
        row = dict(row)
        if _wanted(mask, "attention_mask", self.model_input_names) and "attention_mask" not in row:
            row["attention_mask"] = [1] * length
        if request.padding is None:
            return row
        if request.padding == "max_length" and request.max_length is not None:
            target = request.max_length
        if request.multiple:
            target = -(-target // request.multiple) * request.multiple
        missing = target - length
        if missing <= 0:
            return row
        fills = {
            main: self.pad_token_id,
            "token_type_ids": self.pad_token_type_id,
            **_PADS,
            **self.other_pads,
        }
        for key, fill in fills.items():
            if key in row:
                pads = [fill] * missing
                row[key] = pads + list(row[key]) if request.padding_side == "left" else list(row[key]) + pads
        return row


def _wanted(asked: bool | None, name: str, names: Sequence[str]) -> bool:
    return name in names if asked is None else asked


def _shares(first: int, second: int, surplus: int) -> tuple[int, int]:
    """How many tokens each of two sequences loses when the longer one is always shortened first."""
    ahead = min(abs(first - second), surplus)
    rest = surplus - ahead
    if first > second:
        return ahead + rest // 2, rest - rest // 2
    return rest // 2, ahead + rest - rest // 2


def _cut(ids: list[int], count: int, *, left: bool) -> list[int]:
    if count <= 0:
        return ids
    return ids[count:] if left else ids[:-count]


def _columns(given: Any, *, main: str) -> tuple[dict[str, Any], str | None]:
    """(plain lists by key, the kind of tensor they were)."""
    if isinstance(given, list | tuple) and given and isinstance(given[0], Mapping):
        absent = [
            i for i, row in enumerate(given) if not isinstance(row, Mapping) or set(given[0]) != set(row)
        ]
        if absent:
            raise InputError(
                f"Row {absent[0]} has other keys than row 0, {sorted(given[0])}: drop what differs."
            )
        given = {key: [row[key] for row in given] for key in given[0]}
    if not isinstance(given, Mapping) or main not in given:
        found = sorted(given) if isinstance(given, Mapping) else type(given).__name__
        raise InputError(f"pad() takes an encoding, or a list of them, with {main!r}; found {found}.")
    kinds: set[str] = set()
    return {key: _plain(value, kinds) for key, value in given.items()}, next(iter(sorted(kinds)), None)


def _plain(value: Any, kinds: set[str]) -> Any:
    if callable(getattr(value, "tolist", None)):
        kinds.add("pt" if hasattr(value, "detach") else "np")
        return value.tolist()
    if isinstance(value, list | tuple):
        if value and isinstance(value[0], int):
            return list(value)
        return [_plain(item, kinds) for item in value]
    return value
