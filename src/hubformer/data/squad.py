"""SQuAD's files, v1.1 and v2.0: articles of paragraphs of questions, given as flat records.

Rajpurkar et al. 2016 (arXiv:1606.05250), Rajpurkar et al. 2018 (arXiv:1806.03822).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hubformer.data.files import opened
from hubformer.errors import InputError


def is_squad(found: Any) -> bool:
    """Whether this is a SQuAD file's content."""
    articles = found.get("data") if isinstance(found, dict) else None
    return isinstance(articles, list) and any(isinstance(a, dict) and "paragraphs" in a for a in articles)


def squad_file(path: Path) -> Iterator[dict[str, Any]]:
    """The questions of a SQuAD file.

    Raises:
        InputError: not JSON, or not of that form.
    """
    with opened(path) as file:
        try:
            found = json.load(file)
        except json.JSONDecodeError as error:
            raise InputError(f"{path} is not JSON: {error.msg} at line {error.lineno}.") from None
    if not is_squad(found):
        raise InputError(
            f"{path} is not of SQuAD's form: expected 'data', a list of articles with 'paragraphs'."
        )
    yield from questions(found, path)


def questions(found: dict[str, Any], path: Path) -> Iterator[dict[str, Any]]:
    """`{"id", "title", "context", "question", "answers": {"text": [...], "answer_start": [...]}}`, in the
    file's order; v2.0 has `is_impossible` too.

    Raises:
        InputError: a question that lacks one of its parts, named by its place.
    """
    for a, article in enumerate(found["data"]):
        for p, paragraph in enumerate(article.get("paragraphs", [])):
            for q, question in enumerate(paragraph.get("qas", [])):
                try:
                    answers = (
                        question.get("answers", []) if question.get("is_impossible") else question["answers"]
                    )
                    record = {
                        "id": question["id"],
                        "title": article.get("title", ""),
                        "context": paragraph["context"],
                        "question": question["question"],
                        "answers": {
                            "text": [answer["text"] for answer in answers],
                            "answer_start": [answer["answer_start"] for answer in answers],
                        },
                    }
                except KeyError as error:
                    raise InputError(
                        f"Question {q} of paragraph {p} of article {a} of {path} has no {error.args[0]!r}."
                    ) from None
                if "is_impossible" in question:
                    record["is_impossible"] = bool(question["is_impossible"])
                yield record
