"""Labels for tokens and words, and the entities that they make up: names, places, parts of speech."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, islice
from typing import Any

from torch import Tensor

from hubformer.errors import InputError, suggestion
from hubformer.inference import EncodedInput, TextBatcher
from hubformer.tasks.base import EncodedBatch, Record, Task
from hubformer.tasks.entities import Sentence, Span, Tags, Unit, joined, merged, tokens, whole_words
from hubformer.tasks.options import Options
from hubformer.tasks.text import described

REQUIRED_COLUMNS = ("tokens", "tags")
COLUMN_ALIASES: Mapping[str, tuple[str, ...]] = {
    "tokens": ("words",),
    "tags": ("ner_tags", "labels", "pos_tags"),
}
EntityAnswer = dict[
    str, Any
]  # {"entity" or "entity_group": str, "score": float, "word": str, "start": int, ...}
_STRATEGIES = ("none", "simple", "first", "average", "max")
_EXPECTED = "a text, or a list of texts; with is_split_into_words=True, a list of words, or of such lists"


@dataclass(frozen=True)
class TaggedWords:
    """A sentence's words, and the tag of each: a name, or its number."""

    words: tuple[str, ...]
    tags: tuple[str | int, ...]


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
class TokenExample:
    """A text or its words, how an error calls it, and the spans to be reported; tags: of labelled words."""

    content: Any  # str | list[str], once it is checked
    where: str = ""
    spans: Any = None
    tags: tuple[str | int, ...] = ()


@dataclass(frozen=True, eq=False)
class Window:
    """A sample of a part of a sentence."""

    row: EncodedInput
    before: int  # special tokens before the part
    begin: int  # where the part begins in the sentence
    length: int  # of the part


class TokenClassification(Task[TokenExample, list[EntityAnswer]]):
    """A label for each token of a text, or the entities that the labels make up."""

    name = "token-classification"
    aliases = ("ner",)
    head = "AutoModelForTokenClassification"
    model_task = "token-classification"
    Options = TokenClassificationOptions
    accepted = _EXPECTED
    required_columns = REQUIRED_COLUMNS
    column_aliases = COLUMN_ALIASES

    def parse(self, record: Record, where: str) -> TokenExample:
        labelled = tagged_words(record, where)
        return TokenExample(list(labelled.words), where, tags=labelled.tags)

    def to_example(self, item: Any, where: str) -> TokenExample:
        spans = None
        if isinstance(item, TokenExample):
            item, spans = item.content, item.spans
        words = isinstance(item, (list, tuple)) and all(isinstance(word, str) for word in item)
        if not isinstance(item, str) and not words:
            raise InputError(f"{where} is {described(item)}; expected {_EXPECTED}.")
        return TokenExample(list(item) if words else item, where, spans)

    def encode(self, examples: Sequence[TokenExample], *, batcher: TextBatcher, options: Any) -> EncodedBatch:
        reader = _Reader(batcher, options)
        sentences = reader.sentences(examples)
        windows = [list(reader.windows(sentence)) for sentence in sentences]
        samples = [window.row for of_sentence in windows for window in of_sentence]
        return EncodedBatch(samples, list(zip(sentences, windows, strict=True)))

    def decode(
        self, logits: Sequence[Tensor], *, context: Any, options: Any, config: Any
    ) -> list[list[EntityAnswer]]:
        """logits: (L, N) of each window."""
        names: dict[int, str] = config.id2label
        tags, scores = Tags(names.values()), iter(logits)
        return [
            _answer(
                sentence,
                windows,
                scores=list(islice(scores, len(windows))),
                options=options,
                names=names,
                tags=tags,
            )
            for sentence, windows in context
        ]


class _Reader:
    """Examples to sentences of tokens, and sentences to windows that the model reads."""

    def __init__(self, batcher: TextBatcher, options: TokenClassificationOptions) -> None:
        self.batcher, self.options = batcher, options
        # Special tokens of a sample, and how many of them stand before the text.
        self.special = batcher.tokenizer.num_special_tokens_to_add()
        self.before = batcher.tokenizer.build_inputs_with_special_tokens([-1]).index(-1)
        self.length = self._length()

    def _length(self) -> int | None:
        """The tokens that one row may have, special ones among them; None: any number."""
        options, reads = self.options, self.batcher.longest
        if options.max_length is not None and reads is not None and options.max_length > reads:
            raise InputError(
                f"max_length is {options.max_length}, but the model reads at most {reads} tokens."
            )
        length = options.max_length
        if length is None and (options.truncation or options.stride is not None):
            least = min(self.batcher.tokenizer.model_max_length, math.inf if reads is None else reads)
            length = int(least)
        if length is None:
            return reads
        room = length - self.special
        if room < 1 or (options.stride or 0) >= room:
            what = "max_length" if room < 1 else "stride"
            raise InputError(
                f"{what} is {getattr(options, what)}: a row of {length} tokens, of which {self.special} are "
                f"special, has room for {room} of the text. Pass "
                f"{'a larger max_length' if room < 1 else 'a smaller stride'}."
            )
        return length

    def sentences(self, examples: Sequence[TokenExample]) -> list[Sentence]:
        """The examples as tokens, cut where they are to be.

        Raises:
            InputError: one of another form than the options say, or one that is too long.
        """
        options = self.options
        for example in examples:
            if isinstance(example.content, str) == options.is_split_into_words:
                wanted = "a list of words" if options.is_split_into_words else "a text"
                raise InputError(
                    f"{example.where} is {described(example.content)}; expected {wanted}, since "
                    f"is_split_into_words is {options.is_split_into_words}."
                )
        written = [place for place, example in enumerate(examples) if any(example.content)]
        result = [Sentence("", [], [], [])] * len(examples)
        if not written:
            return result
        encoded = self.batcher.tokenizer(
            [examples[place].content for place in written],
            is_split_into_words=options.is_split_into_words,
            add_special_tokens=False,
            return_offsets_mapping=True,
            verbose=False,
        )
        for row, place in enumerate(written):
            sentence = _sentence(
                examples[place].content,
                encoded["input_ids"][row],
                encoded["offset_mapping"][row],
                words=encoded.word_ids(row),
                delimiter=options.delimiter,
            )
            sentence = self._with_tokens(self._fitting(sentence, examples[place]))
            result[place] = self._reporting(sentence, examples[place])
        return result

    def _fitting(self, sentence: Sentence, example: TokenExample) -> Sentence:
        """The sentence, cut if it is to be."""
        options, length = self.options, self.length
        count = len(sentence.ids) + self.special
        if length is None or count <= length or options.stride is not None:
            return sentence
        if not options.truncation:
            reads = "max_length is" if options.max_length is not None else "the model reads at most"
            raise InputError(
                f"{example.where} has {count} tokens, but {reads} {length}. Pass stride= to read it in "
                "windows that share so many tokens, or truncation=True to leave out the rest."
            )
        room = length - self.special
        kept = slice(-room, None) if self.batcher.tokenizer.truncation_side == "left" else slice(room)
        return replace(
            sentence, ids=sentence.ids[kept], spans=sentence.spans[kept], words=sentence.words[kept]
        )

    def _with_tokens(self, sentence: Sentence) -> Sentence:
        tokenizer = self.batcher.tokenizer
        tokens_of = tokenizer.convert_ids_to_tokens(list(sentence.ids))
        known = [
            None if number == tokenizer.unk_token_id else token
            for number, token in zip(sentence.ids, tokens_of, strict=True)
        ]
        return replace(sentence, tokens=known)

    def _reporting(self, sentence: Sentence, example: TokenExample) -> Sentence:
        if example.spans is None:
            return sentence
        count = len(sentence.ids) + self.special
        if len(example.spans) != count:
            raise InputError(
                f"offset_mapping has {len(example.spans)} spans for {example.where.lower()}, which has "
                f"{count} tokens; expected one for each, also for the {self.special} special ones."
            )
        spans = [(int(start), int(end)) for start, end in example.spans]
        return replace(sentence, reported=spans[self.before : self.before + len(sentence.ids)])

    def windows(self, sentence: Sentence) -> Iterator[Window]:
        """Rows that cover the sentence; neighbours share `stride` of its tokens."""
        count = len(sentence.ids)
        room = max(count, 1) if self.length is None else self.length - self.special
        for begin in range(0, count, room - (self.options.stride or 0)):
            part = list(sentence.ids[begin : begin + room])
            ids = self.batcher.tokenizer.build_inputs_with_special_tokens(part)
            types = None
            if "token_type_ids" in self.batcher.tokenizer.model_input_names:
                types = self.batcher.tokenizer.create_token_type_ids_from_sequences(part)
            yield Window(EncodedInput(ids, types), self.before, begin, len(part))
            if begin + room >= count:
                return


def _answer(
    sentence: Sentence,
    windows: Sequence[Window],
    *,
    scores: Sequence[Tensor],
    options: Any,
    names: dict[int, str],
    tags: Tags,
) -> list[EntityAnswer]:
    """What is answered of one sentence. scores: (L, N) of each window."""
    parts = [
        (window, row[window.before : window.before + window.length].double().softmax(-1))
        for window, row in zip(windows, scores, strict=True)
    ]
    if options.aggregation_strategy == "none":
        surest: dict[int, tuple[Unit, int]] = {}
        for window, shares in parts:
            for unit in tokens(shares, names, begin=window.begin):
                if unit.first not in surest or unit.score > surest[unit.first][0].score:
                    surest[unit.first] = unit, window.before + unit.first
        return [
            _token(sentence, unit, index=index)
            for unit, index in surest.values()
            if unit.label not in options.ignore_labels
        ]
    entities = [
        _entity(sentence, unit)
        for window, shares in parts
        for unit in joined(_units(sentence, window, shares=shares, options=options, names=names), tags)
        if unit.label not in options.ignore_labels
    ]
    return merged(entities) if len(windows) > 1 else entities


def _units(
    sentence: Sentence, window: Window, *, shares: Tensor, options: Any, names: dict[int, str]
) -> list[Unit]:
    """The tokens or words of a window with their labels."""
    if options.aggregation_strategy == "simple":
        return tokens(shares, names, begin=window.begin)
    words = sentence.words[window.begin : window.begin + window.length]
    return whole_words(shares, names, begin=window.begin, words=words, strategy=options.aggregation_strategy)


def _token(sentence: Sentence, unit: Unit, *, index: int) -> EntityAnswer:
    start, end = sentence.where(unit.first, unit.first)
    token = sentence.tokens[unit.first]
    word = sentence.slice(unit.first, unit.first) if token is None else token
    return {
        "entity": unit.label,
        "score": unit.score,
        "index": index,
        "word": word,
        "start": start,
        "end": end,
    }


def _entity(sentence: Sentence, unit: Unit) -> EntityAnswer:
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


def tagged_words(record: Record, where: str) -> TaggedWords:
    """The words and tags of a record: lists, or texts with spaces between them.

    Raises:
        InputError: another form, no word, or not one tag for each word.
    """
    words, tags = (_listed(record[name], f"{name} of {where}") for name in REQUIRED_COLUMNS)
    if len(words) != len(tags) or not words:
        raise InputError(f"{where} has {len(words)} words and {len(tags)} tags; expected as many of each.")
    return TaggedWords(tuple(map(str, words)), tuple(t if isinstance(t, int) else str(t) for t in tags))


def _listed(value: Any, what: str) -> list[Any]:
    if isinstance(value, str):
        return value.split()
    value = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(value, list | tuple):
        raise InputError(f"The {what} are {value!r}, expected a list, or a text with spaces between words.")
    return list(value)
