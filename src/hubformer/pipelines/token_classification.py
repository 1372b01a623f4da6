"""Labels for tokens and words, and the entities that they make up: names, places, parts of speech."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, islice
from typing import Any

from torch import Tensor

from hubformer.errors import InputError, refuse_unknown, suggestion
from hubformer.inference import EncodedInput
from hubformer.pipelines.base import EncoderPipeline
from hubformer.pipelines.entities import Sentence, Span, Tags, Unit, joined, merged, tokens, whole_words
from hubformer.pipelines.steps import Call
from hubformer.tasks import EncodedBatch
from hubformer.tasks.options import Options
from hubformer.tasks.text import described

Found = dict[str, Any]  # {"entity" or "entity_group": str, "score": float, "word": str, "start": int, ...}
_STRATEGIES = ("none", "simple", "first", "average", "max")
_EXPECTED = "a text, or a list of texts; with is_split_into_words=True, a list of words, or of such lists"


@dataclass(frozen=True)
class TokenClassificationOptions(Options):
    """How labels of tokens become entities, and what is done with long texts (lengths in tokens)."""

    aggregation_strategy: str = "none"  # none: tokens; simple: their runs; first, average, max: by words
    ignore_labels: Collection[str] = ("O",)  # labels, or types of entities, that are left out
    stride: int | None = None  # read long texts in windows that share so many tokens
    truncation: bool | None = None  # cut texts that are too long; None: they are an error
    max_length: int | None = None  # of a text or a window; None: what the model reads
    is_split_into_words: bool = False  # whether inputs are lists of words
    delimiter: str = " "  # what stands between those words in the text that start and end count in
    offset_mapping: Any = None  # (start, end) of each token to be given instead, with special tokens
    grouped_entities: bool | None = None  # the oldest name of aggregation_strategy="simple"
    ignore_subwords: bool | None = None  # with grouped_entities: "first"

    def __post_init__(self) -> None:
        if self.grouped_entities is not None or self.ignore_subwords is not None:
            strategy = "first" if self.ignore_subwords else "simple"
            self._set(aggregation_strategy=strategy if self.grouped_entities else "none")
            self._set(grouped_entities=None, ignore_subwords=None)
        strategy = getattr(self.aggregation_strategy, "value", self.aggregation_strategy)  # an enum there
        if not isinstance(strategy, str) or strategy.lower() not in _STRATEGIES:
            near = suggestion(str(strategy), _STRATEGIES)
            raise InputError(f"aggregation_strategy is {strategy!r}.{near} It is {', '.join(_STRATEGIES)}.")
        self._set(aggregation_strategy=strategy.lower())
        labels = self.ignore_labels
        if isinstance(labels, str) or not isinstance(labels, Collection):
            raise InputError(f'ignore_labels is {labels!r}, expected a list of labels, such as ["O"].')
        for name, least in (("stride", 0), ("max_length", 1)):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
                raise InputError(
                    f"{name} is {value!r}, expected a whole number of at least {least}, or None."
                )
        for name in ("truncation", "is_split_into_words"):
            if getattr(self, name) not in (None, True, False):
                raise InputError(f"{name} is {getattr(self, name)!r}, expected True or False.")
        if not isinstance(self.delimiter, str):
            raise InputError(f"delimiter is {self.delimiter!r}, expected a text.")
        if self.truncation and self.stride is not None:
            raise InputError(
                f"truncation=True cuts long texts, and stride={self.stride} reads them whole; expected one "
                "of the two."
            )

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)


@dataclass(frozen=True, eq=False)
class Given:
    """One input: a text or its words, how an error calls it, and the spans to be reported."""

    content: Any  # str | list[str], once it is checked
    where: str = ""
    spans: Any = None


@dataclass(frozen=True, eq=False)
class Window:
    row: EncodedInput
    begin: int  # where the part of the sentence begins in it
    length: int  # of the part


class TokenClassificationPipeline(EncoderPipeline[Given, list[Found]]):
    """Texts to what is said of their tokens: `{"entity", "score", "index", "word", "start", "end"}` each, or
    of their entities: `{"entity_group", "score", "word", "start", "end"}`. A text gives a list, a list of
    texts a list of those; start and end are characters of the text.

    aggregation_strategy: "none" answers tokens, "simple" runs of tokens whose tags belong together; "first",
    "average" and "max" give each word one tag before that: of its first token, of the mean of its tokens, or
    of its surest one. Words are the tokenizer's, or with is_split_into_words=True the user's own.

    Raises:
        InputError: an input that is no text, or is longer than the model reads (see stride and truncation).
    """

    Options = TokenClassificationOptions
    model_task = "token-classification"
    accepted = _EXPECTED

    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__(*positional, **named)
        self.tags = Tags(self.model.config.id2label.values())
        self._before = self.tokenizer.build_inputs_with_special_tokens([-1]).index(-1)
        self._special = self.tokenizer.num_special_tokens_to_add()

    def resolve_options(self, given: Mapping[str, Any], *, defaults: Any, call: str) -> Any:
        """As in transformers 4, None leaves an option as it was."""
        refuse_unknown(given, self.option_names(), call=call)
        requested = {name: value for name, value in given.items() if value is not None}
        return super().resolve_options(requested, defaults=defaults, call=call)

    def run(self, inputs: Any, call: Call) -> Any:
        options, several = call.options, isinstance(inputs, (list, tuple))
        if options.is_split_into_words and several and any(isinstance(one, str) for one in inputs):
            inputs = [inputs]  # one sentence; transformers 4 answers it with a list of one, too
        if options.offset_mapping is not None:
            inputs = _with_spans(inputs, options.offset_mapping)
        return super().run(inputs, call)

    def check_input(self, item: Any, where: str) -> Given:
        spans = None
        if isinstance(item, Given):
            item, spans = item.content, item.spans
        words = isinstance(item, (list, tuple)) and all(isinstance(word, str) for word in item)
        if not isinstance(item, str) and not words:
            raise InputError(f"{where} is {described(item)}; expected {_EXPECTED}.")
        return Given(list(item) if words else item, where, spans)

    def encode(self, inputs: Sequence[Given], options: Any) -> EncodedBatch:
        length = self._length(options)
        sentences = self._sentences(inputs, options=options, length=length)
        cuts = [list(self._windows(sentence, options, length=length)) for sentence in sentences]
        samples = [window.row for windows in cuts for window in windows]
        return EncodedBatch(samples, list(zip(sentences, cuts, strict=True)))

    def decode(self, logits: Sequence[Tensor], context: Any, *, options: Any) -> list[list[Found]]:
        scores = iter(logits)
        return [
            self._answer(sentence, windows, scores=list(islice(scores, len(windows))), options=options)
            for sentence, windows in context
        ]

    # Texts to windows

    def _length(self, options: TokenClassificationOptions) -> int | None:
        """The tokens that one row may have, special ones among them; None: any number."""
        reads = self.engine.longest
        if options.max_length is not None and reads is not None and options.max_length > reads:
            raise InputError(
                f"max_length is {options.max_length}, but the model reads at most {reads} tokens."
            )
        length = options.max_length
        if length is None and (options.truncation or options.stride is not None):
            least = min(self.tokenizer.model_max_length, math.inf if reads is None else reads)
            length = int(least)
        if length is None:
            return reads
        room = length - self._special
        if room < 1 or (options.stride or 0) >= room:
            what = "max_length" if room < 1 else "stride"
            raise InputError(
                f"{what} is {getattr(options, what)}: a row of {length} tokens, of which {self._special} are "
                f"special, has room for {room} of the text. Pass "
                f"{'a larger max_length' if room < 1 else 'a smaller stride'}."
            )
        return length

    def _sentences(
        self, inputs: Sequence[Given], *, options: TokenClassificationOptions, length: int | None
    ) -> list[Sentence]:
        for given in inputs:
            if isinstance(given.content, str) == options.is_split_into_words:
                wanted = "a list of words" if options.is_split_into_words else "a text"
                raise InputError(
                    f"{given.where} is {described(given.content)}; expected {wanted}, since "
                    f"is_split_into_words is {options.is_split_into_words}."
                )
        written = [place for place, given in enumerate(inputs) if any(given.content)]
        found = [Sentence("", [], [], [])] * len(inputs)
        if not written:
            return found
        encoded = self.tokenizer(
            [inputs[place].content for place in written],
            is_split_into_words=options.is_split_into_words,
            add_special_tokens=False,
            return_offsets_mapping=True,
            verbose=False,
        )
        for row, place in enumerate(written):
            sentence = _sentence(
                inputs[place].content,
                encoded["input_ids"][row],
                encoded["offset_mapping"][row],
                words=encoded.word_ids(row),
                delimiter=options.delimiter,
            )
            sentence = self._fitting(sentence, inputs[place], options=options, length=length)
            found[place] = self._reporting(sentence, inputs[place])
        return found

    def _fitting(
        self, sentence: Sentence, given: Given, *, options: TokenClassificationOptions, length: int | None
    ) -> Sentence:
        """The sentence, cut if it is to be."""
        count = len(sentence.ids) + self._special
        if length is None or count <= length or options.stride is not None:
            return sentence
        if not options.truncation:
            reads = "max_length is" if options.max_length is not None else "the model reads at most"
            raise InputError(
                f"{given.where} has {count} tokens, but {reads} {length}. Pass stride= to read it in windows "
                "that share so many tokens, or truncation=True to leave out the rest."
            )
        room = length - self._special
        kept = slice(-room, None) if self.tokenizer.truncation_side == "left" else slice(room)
        return replace(
            sentence, ids=sentence.ids[kept], spans=sentence.spans[kept], words=sentence.words[kept]
        )

    def _reporting(self, sentence: Sentence, given: Given) -> Sentence:
        if given.spans is None:
            return sentence
        count = len(sentence.ids) + self._special
        if len(given.spans) != count:
            raise InputError(
                f"offset_mapping has {len(given.spans)} spans for {given.where.lower()}, which has {count} "
                f"tokens; expected one for each, also for the {self._special} special ones."
            )
        spans = [(int(start), int(end)) for start, end in given.spans]
        return replace(sentence, reported=spans[self._before : self._before + len(sentence.ids)])

    def _windows(
        self, sentence: Sentence, options: TokenClassificationOptions, *, length: int | None
    ) -> Iterator[Window]:
        """Rows that cover the sentence; neighbours share `stride` of its tokens."""
        count = len(sentence.ids)
        room = max(count, 1) if length is None else length - self._special
        for begin in range(0, count, room - (options.stride or 0)):
            part = list(sentence.ids[begin : begin + room])
            ids = self.tokenizer.build_inputs_with_special_tokens(part)
            types = None
            if "token_type_ids" in self.tokenizer.model_input_names:
                types = self.tokenizer.create_token_type_ids_from_sequences(part)
            yield Window(EncodedInput(ids, types), begin, len(part))
            if begin + room >= count:
                return

    # Scores to answers

    def _answer(
        self, sentence: Sentence, windows: Sequence[Window], *, scores: Sequence[Tensor], options: Any
    ) -> list[Found]:
        names: dict[int, str] = self.model.config.id2label
        parts = [
            (window, row[self._before : self._before + window.length].double().softmax(-1))
            for window, row in zip(windows, scores, strict=True)
        ]
        if options.aggregation_strategy == "none":
            surest: dict[int, Unit] = {}
            for unit in (u for window, shares in parts for u in tokens(shares, names, begin=window.begin)):
                if unit.first not in surest or unit.score > surest[unit.first].score:
                    surest[unit.first] = unit
            kept = [unit for unit in surest.values() if unit.label not in options.ignore_labels]
            return self._tokens(sentence, kept)
        found = [
            self._entity(sentence, unit)
            for window, shares in parts
            for unit in joined(self._units(sentence, window, shares=shares, options=options), self.tags)
            if unit.label not in options.ignore_labels
        ]
        return merged(found) if len(windows) > 1 else found

    def _units(self, sentence: Sentence, window: Window, *, shares: Tensor, options: Any) -> list[Unit]:
        names: dict[int, str] = self.model.config.id2label
        if options.aggregation_strategy == "simple":
            return tokens(shares, names, begin=window.begin)
        words = sentence.words[window.begin : window.begin + window.length]
        return whole_words(
            shares, names, begin=window.begin, words=words, strategy=options.aggregation_strategy
        )

    def _tokens(self, sentence: Sentence, units: Sequence[Unit]) -> list[Found]:
        written = self.tokenizer.convert_ids_to_tokens([sentence.ids[unit.first] for unit in units])
        found = []
        for unit, token in zip(units, written, strict=True):
            start, end = sentence.where(unit.first, unit.first)
            unknown = sentence.ids[unit.first] == self.tokenizer.unk_token_id
            found.append(
                {
                    "entity": unit.label,
                    "score": unit.score,
                    "index": self._before + unit.first,
                    "word": sentence.slice(unit.first, unit.first) if unknown else token,
                    "start": start,
                    "end": end,
                }
            )
        return found

    def _entity(self, sentence: Sentence, unit: Unit) -> Found:
        start, end = sentence.where(unit.first, unit.last)
        word = sentence.slice(unit.first, unit.last)
        return {"entity_group": unit.label, "score": unit.score, "word": word, "start": start, "end": end}


def _sentence(
    content: str | Sequence[str],
    ids: list[int],
    spans: list[Span],
    *,
    words: list[int | None],
    delimiter: str,
) -> Sentence:
    """A text, or its words with what stands between them, as tokens. spans: of a list of words, counted in
    each word from its beginning."""
    if isinstance(content, str):
        return Sentence(content, ids, spans, words)
    starts = list(accumulate((len(word) + len(delimiter) for word in content), initial=0))
    moved = [
        (start + starts[word], end + starts[word]) if word is not None else (start, end)
        for (start, end), word in zip(spans, words, strict=True)
    ]
    return Sentence(delimiter.join(content), ids, moved, words)


def _with_spans(inputs: Any, mapping: Any) -> Any:
    """Each input with its own part of offset_mapping."""
    if not isinstance(inputs, (str, list, tuple)):
        raise InputError("offset_mapping belongs to a text or a list of texts; pass the texts as a list.")
    several = [inputs] if isinstance(inputs, str) else inputs
    rows = _plain(mapping)
    if isinstance(rows, list) and all(_is_span(row) for row in rows):
        rows = [rows]
    fits = isinstance(rows, list) and all(isinstance(row, list) and all(map(_is_span, row)) for row in rows)
    if not fits or len(rows) != len(several):
        raise InputError(
            f"offset_mapping is {described(mapping)}; expected a list of (start, end) for each of the "
            f"{len(several)} inputs."
        )
    given = [Given(item, spans=row) for item, row in zip(several, rows, strict=True)]
    return given[0] if isinstance(inputs, str) else given


def _plain(value: Any) -> Any:
    """Lists all through, from tuples, arrays and tensors."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def _is_span(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(one, int) for one in value)
