"""From questions with contexts to windows of tokens, and from scores of tokens back to spans of the text.

Shapes:  W windows of one example  L length of a window  T tokens of a context  N places of all windows
         A longest answer, in tokens
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hubformer.errors import InputError
from hubformer.inference import EncodedInput

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Text:
    """A tokenized context: where each token, and the word that it is in, stands among the characters."""

    ids: list[int]
    starts: Ints  # (T,)
    ends: Ints  # (T,)
    word_starts: Ints  # (T,)
    word_ends: Ints  # (T,)
    in_word: NDArray[np.bool_]  # (T,) False: the tokenizer names no word for it

    @staticmethod
    def of(ids: list[int], offsets: Sequence[tuple[int, int]], *, words: Sequence[int | None]) -> Text:
        starts, ends = np.asarray(offsets, dtype=np.int64).reshape(-1, 2).T
        word = np.asarray([-1 if w is None else w for w in words], dtype=np.int64)
        changes = np.flatnonzero(np.diff(word)) + 1
        first = np.concatenate([[0], changes]).astype(np.int64)
        last = np.concatenate([changes, [len(word)]]).astype(np.int64) - 1
        sizes = last - first + 1
        return Text(
            ids, starts, ends, np.repeat(starts[first], sizes), np.repeat(ends[last], sizes), word >= 0
        )

    def characters(self, start: int, end: int, *, whole_words: bool) -> tuple[int, int]:
        """The characters from one token to another, inclusive."""
        if whole_words and self.in_word[start] and self.in_word[end]:
            return int(self.word_starts[start]), int(self.word_ends[end])
        return int(self.starts[start]), int(self.ends[end])


@dataclass(frozen=True, eq=False)
class Window:
    row: EncodedInput
    at: int  # where the part of the context begins in the row
    begin: int  # where it begins in the context
    length: int  # of the part
    none: int | None  # where the token stands that says "no answer"


@dataclass(frozen=True)
class Frame:
    """How special tokens surround a pair of texts, and which of the two is the question."""

    before: tuple[int, ...]
    between: tuple[int, ...]
    after: tuple[int, ...]
    # Of: before, first text, between, second text, after; one per place. None: the model is given none.
    types: tuple[int, ...] | None
    question_first: bool
    classifier: int | None  # the id of the token that stands for "no answer"

    @staticmethod
    def of(tokenizer: Any) -> Frame:
        """XLNet is padded on the left and reads the context first; others read it last."""
        first, second = -1, -2
        ids = tokenizer.build_inputs_with_special_tokens([first], [second])
        types = tokenizer.create_token_type_ids_from_sequences([first], [second])
        a, b = ids.index(first), ids.index(second)
        return Frame(
            tuple(ids[:a]),
            tuple(ids[a + 1 : b]),
            tuple(ids[b + 1 :]),
            # A model such as GPT-2 would take types for tokens.
            tuple(types) if "token_type_ids" in tokenizer.model_input_names else None,
            tokenizer.padding_side == "right",
            tokenizer.cls_token_id,
        )

    @property
    def special(self) -> int:
        """How many special tokens there are."""
        return len(self.before) + len(self.between) + len(self.after)

    def window(self, question: list[int], part: list[int], *, begin: int) -> Window:
        """A question with the part of its context that begins at token `begin`."""
        first, second = (question, part) if self.question_first else (part, question)
        sizes = (
            *(1 for _ in self.before), len(first), *(1 for _ in self.between), len(second), *(1 for _ in
            self.after)
        )  # fmt: skip
        types = None
        if self.types is not None:
            types = [kind for kind, size in zip(self.types, sizes, strict=True) for _ in range(size)]
        ids = [*self.before, *first, *self.between, *second, *self.after]
        at = len(self.before) + (len(first) + len(self.between) if self.question_first else 0)
        none = None
        if self.classifier in self.before:
            none = self.before.index(self.classifier)
        elif self.classifier in self.after:
            none = len(ids) - len(self.after) + self.after.index(self.classifier)
        return Window(EncodedInput(ids, types), at, begin, len(part), none)


@dataclass(frozen=True, eq=False)
class Candidate:
    """A span of tokens of the context, first and last inclusive."""

    start: int
    end: int
    score: float


def cut(
    question: list[int], text: Text, *, frame: Frame, most: int, stride: int | None, where: str
) -> list[Window]:
    """Windows of at most `most` tokens that cover the context; neighbours share `stride` tokens of it.

    stride None: 128, or less where the question leaves less room.

    Raises:
        InputError: the question leaves no room, or less than the stride needs.
    """
    room = most - frame.special - len(question)
    length = len(text.ids)
    if room < 1:
        raise InputError(
            f"{where} has a question of {len(question)} tokens, which leaves no room for the context in "
            "a window of "
            f"{most}. Ask a shorter question, or pass max_question_len= to cut it, or a larger max_seq_len."
        )
    if stride is None:
        stride = min(most // 2, 128)
        stride = stride if stride < room else room // 2
    elif stride >= room and length > room:
        raise InputError(
            f"doc_stride is {stride}, but beside the question a window of {most} tokens has room for {room} "
            f"tokens of the context ({where}). Pass a doc_stride below {room}, or a larger max_seq_len."
        )
    windows = []
    for begin in range(0, length, max(room - stride, 1)):
        part = text.ids[begin : begin + room]
        windows.append(frame.window(question, part, begin=begin))
        if begin + room >= length:
            break
    return windows


def candidates(
    windows: Sequence[Window], scores: Sequence[Floats], *, longest: int
) -> tuple[Iterator[Candidate], float]:
    """The spans of one example, best first, and the score of "no answer".

    scores: for each window (L, 2), how well each token begins and ends an answer. A span's score is
    p(start) p(end), both normalised over the contexts of all windows together; the classifier token of each
    window keeps its share. "No answer" scores what the least willing window gives it (Devlin et al. 2018).
    """
    # Between two windows lie `longest` places that end nothing, so that no span reaches into the next one.
    gap = np.full(longest, -np.inf)
    pieces: tuple[list[Floats], list[Floats]] = ([], [])
    token_at: list[Ints] = []
    nulls = []
    for window, score in zip(windows, scores, strict=True):
        part = score[window.at : window.at + window.length]
        for piece, column in zip(pieces, part.T, strict=True):
            piece += [column, gap]
        token_at += [np.arange(window.begin, window.begin + window.length), np.full(longest, -1)]
        if window.none is not None:
            nulls.append(score[window.none])
    null = np.stack(nulls) if nulls else np.empty((0, 2))
    starts, ends = (
        _log_shares(np.concatenate(piece), null[:, column]) for column, piece in enumerate(pieces)
    )
    none = float(np.exp(min((s + e for s, e in zip(starts[1], ends[1], strict=True)), default=-np.inf)))
    return _best_first(starts[0], ends[0], token_at=np.concatenate(token_at), longest=longest), none


def _log_shares(scores: Floats, others: Floats) -> tuple[Floats, Floats]:
    """log softmax over both together."""
    together = np.concatenate([scores, others])
    top = together.max()
    shares = together - top - np.log(np.exp(together - top).sum())
    return shares[: len(scores)], shares[len(scores) :]


def _best_first(starts: Floats, ends: Floats, *, token_at: Ints, longest: int) -> Iterator[Candidate]:
    """Spans of at most `longest` tokens in falling order of their score, sorted only as far as they are
    read."""
    places = len(starts) - longest  # the last gap begins nothing
    band = starts[:places, None] + np.lib.stride_tricks.sliding_window_view(ends, longest)[:places]  # (N, A)
    flat = band.ravel()
    known = int(np.isfinite(flat).sum())
    read, size = 0, 32
    while read < known:
        size = min(size, known)
        top = np.argpartition(-flat, size - 1)[:size] if size < len(flat) else np.arange(len(flat))
        # Equal scores in the order of the text; the same prefix comes again when more are asked for.
        top = top[np.lexsort((top, -flat[top]))][:size]
        for index in top[read:]:
            start, length = divmod(int(index), longest)
            yield Candidate(int(token_at[start]), int(token_at[start + length]), float(np.exp(flat[index])))
        read, size = size, size * 8
