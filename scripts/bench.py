"""Time and memory of hubformer beside transformers, on the same machine, the same model and the same texts.

    python scripts/bench.py                             every section
    python scripts/bench.py import first --rounds 9     two of them, nine rounds
    python scripts/bench.py train-bert train-bert-bf16  training steps of BERT-base
    python scripts/bench.py families                    a pass of each family, at 128 and at 512 tokens
    python scripts/bench.py mpnet-base@512 bloom-560m@512
    python scripts/bench.py --model FOLDER --text FILE --json

Sections:
    import    `from LIBRARY import pipeline`
    load      model and tokenizer from a folder, everything imported
    first     process start to the first sentiment label on standard output
    batch     512 sentences of mixed length through a pipeline that has answered one before
    train-bert, train-bert-bf16     a step of the Trainer: BERT-base, 16 rows of 128 tokens, a label each
    train-gpt2, train-gpt2-bf16     the same: GPT-2, 4 rows of 256 tokens, causal
    PRESET@LENGTH                   a pass of the bare model, 4 rows of as many tokens; four of its layers

Each measurement is a process of its own. The libraries take turns within a round, and the order turns from
round to round, so that whatever else the machine does meets both alike. A ratio is the median over the rounds
of ours divided by theirs: below 1 is faster, or smaller. Both run in float32 but where bf16 is said.
transformers is given the best of several batch sizes for `batch`. The models that are trained have fresh
weights, dropout as published, and the optimizer, clipping and schedule that the Trainer has when nothing is
said; the first step is not counted, and a step's time is the median of the others. A family's pass has the
published configuration but for the number of layers, fresh weights, and the kernel that each library chooses;
its time is the median of five passes after two. Encoder-decoders read and write as many tokens.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from itertools import cycle, islice, pairwise
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
DEFAULT_MODEL = HERE.parents[1] / "shared" / "models" / "minilm-sst2"
LIBRARIES = ("hubformer", "transformers")
SENTENCES = 512
THEIR_BATCH_SIZES = (1, 8, 32)
TRIAL = 64  # sentences that choose among them, and warm up
TRAINED_STEPS = 4
FIRST = "I love this movie!"
ROWS, LAYERS, PASSES, WARMING = 4, 4, 5, 2  # of a family's pass
LENGTHS = (128, 512)
PRESETS = (
    *("bert-base-uncased", "distilbert-base-uncased", "roberta-base", "albert-base-v2"),
    *("electra-base-discriminator", "mpnet-base", "deberta-base", "deberta-v3-base", "xlnet-base-cased"),
    *("modernbert-base", "longformer-base-4096"),
    *("gpt2", "gpt-neo-125m", "pythia-160m", "bloom-560m", "falcon-rw-1b", "llama-3.2-1b", "qwen3-0.6b"),
    *("t5-base", "bart-base", "opus-mt-en-de"),
)
_DEPTHS = (
    *("num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_decoder_layers"),
    *("encoder_layers", "decoder_layers"),
)


@dataclass(frozen=True)
class EvaluationTask:
    """One process: seconds of the work, peak memory of the process in bytes, and what it answered."""

    seconds: float
    peak: int
    answers: Any = None


# What a process does; `library` is imported by name, so that both run the same lines.


def _import(library: str, model: str, texts: Sequence[str]) -> tuple[float, Any]:
    start = time.perf_counter()
    _pipeline(library)
    return time.perf_counter() - start, None


def _load(library: str, model: str, texts: Sequence[str]) -> tuple[float, Any]:
    from importlib import import_module

    module: Any = import_module(library)
    auto_model, auto_tokenizer = module.AutoModelForSequenceClassification, module.AutoTokenizer
    start = time.perf_counter()
    loaded = auto_model.from_pretrained(model, dtype="float32")
    auto_tokenizer.from_pretrained(model)
    return time.perf_counter() - start, sum(p.numel() for p in loaded.parameters())


def _first(library: str, model: str, texts: Sequence[str]) -> tuple[float, Any]:
    found = _pipeline(library)("sentiment-analysis", model=model, dtype="float32", device="cpu")(FIRST)
    return 0.0, [found[0]["label"]]  # the parent holds the watch


def _batch(library: str, model: str, texts: Sequence[str]) -> tuple[float, Any]:
    pipe = _pipeline(library)("sentiment-analysis", model=model, dtype="float32", device="cpu")
    # Ours packs by length. Theirs gets the batch size that does best on a part of the work.
    sizes = THEIR_BATCH_SIZES if library == "transformers" else (None,)
    trials = {size: _timed(pipe, texts[:TRIAL], size)[0] for size in sizes}
    seconds, found = _timed(pipe, texts, min(sizes, key=lambda size: trials[size]))
    return seconds, [answer["label"] for answer in found]


def _train(
    library: str, model: str, texts: Sequence[str], *, kind: str, rows: int, length: int, bf16: bool
) -> tuple[float, Any]:
    from importlib import import_module
    from tempfile import TemporaryDirectory

    import torch

    module: Any = import_module(library)
    times = [time.perf_counter()]

    class Watch(module.TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            times.append(time.perf_counter())

    torch.manual_seed(0)
    config = module.GPT2Config() if kind == "gpt2" else module.BertConfig()
    made = (module.GPT2LMHeadModel if kind == "gpt2" else module.BertForSequenceClassification)(config)
    ids = torch.randint(5, config.vocab_size, (rows * TRAINED_STEPS, length)).tolist()
    data = [{"input_ids": row, "labels": row if kind == "gpt2" else row[0] % 2} for row in ids]
    with TemporaryDirectory() as folder:
        arguments = module.TrainingArguments(
            folder,
            max_steps=TRAINED_STEPS,
            per_device_train_batch_size=rows,
            bf16=bf16,
            use_cpu=True,
            report_to="none",
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
        )
        module.Trainer(made, arguments, train_dataset=data, callbacks=[Watch]).train()
    return median(after - before for before, after in pairwise(times[1:])), None


def _pass(library: str, model: str, texts: Sequence[str], *, preset: str, length: int) -> tuple[float, Any]:
    from importlib import import_module

    import torch

    module: Any = import_module(library)
    made = module.AutoModel.from_config(module.AutoConfig.for_model(**_shallow(preset))).eval()
    vocabulary = made.get_input_embeddings().weight.shape[0]
    ids = torch.randint(5, vocabulary, (ROWS, length), generator=torch.Generator().manual_seed(0))
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if made.config.is_encoder_decoder:
        given["decoder_input_ids"] = ids
    times = []
    with torch.inference_mode():
        for _ in range(WARMING + PASSES):
            start = time.perf_counter()
            made(**given)
            times.append(time.perf_counter() - start)
    return median(times[WARMING:]), None


def _shallow(preset: str) -> dict[str, Any]:
    """A preset's config.json with fewer layers, and with as many entries where one stands for each layer."""
    values: dict[str, Any] = json.loads((HERE.parent / "configs" / f"{preset}.json").read_text("utf-8"))
    depths = {values[name] for name in _DEPTHS if name in values}
    for name, value in values.items():
        if name in _DEPTHS:
            values[name] = min(value, LAYERS)
        elif isinstance(value, list) and len(value) in depths:
            values[name] = value[:LAYERS]
    for kinds, _ in values.get("attention_types", [])[:1]:  # GPT-Neo's: kinds of layers, and how often
        values["attention_types"] = [[kinds, LAYERS // len(kinds)]]
    return values


def _timed(pipe: Any, texts: Sequence[str], batch_size: int | None) -> tuple[float, Any]:
    named = {} if batch_size is None else {"batch_size": batch_size}
    start = time.perf_counter()
    found = pipe(list(texts), **named)
    return time.perf_counter() - start, found


def _pipeline(library: str) -> Any:
    if library == "transformers":
        from transformers import pipeline

        return pipeline
    from hubformer import pipeline as ours

    return ours


SECTIONS: dict[str, Callable[[str, str, Sequence[str]], tuple[float, Any]]] = {
    "import": _import,
    "load": _load,
    "first": _first,
    "batch": _batch,
    "train-bert": partial(_train, kind="bert", rows=16, length=128, bf16=False),
    "train-bert-bf16": partial(_train, kind="bert", rows=16, length=128, bf16=True),
    "train-gpt2": partial(_train, kind="gpt2", rows=4, length=256, bf16=False),
    "train-gpt2-bf16": partial(_train, kind="gpt2", rows=4, length=256, bf16=True),
}
FAMILIES = {
    f"{preset}@{length}": partial(_pass, preset=preset, length=length)
    for preset in PRESETS
    for length in LENGTHS
}
GROUPS = {"families": tuple(FAMILIES)}


def child(section: str, library: str, model: str, text: str) -> None:
    """The measured process: its result is the last line that it prints."""
    seconds, answers = {**SECTIONS, **FAMILIES}[section](library, model, sentences(Path(text)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps({"seconds": seconds, "peak": peak, "answers": answers}), flush=True)


def measure(section: str, library: str, model: str, text: str) -> EvaluationTask:
    command = [sys.executable, str(HERE / "bench.py"), "--child", section, library, model, text]
    quiet = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "PYTHONWARNINGS": "ignore"}
    start = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **quiet}
    ) as process:
        assert process.stdout is not None
        said = next((line for line in process.stdout if line.startswith('{"seconds"')), None)
        whole = (
            time.perf_counter() - start
        )  # the answer is there; how long Python takes to leave is not counted
        _, errors = process.communicate()
    if said is None:
        sys.exit(f"{library} failed in the section {section}:\n{errors}")
    found = json.loads(said)
    return EvaluationTask(found["seconds"] or whole, found["peak"], found["answers"])


def sentences(path: Path) -> list[str]:
    lines = [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
    return list(islice(cycle(lines), SENTENCES))


def run(sections: Sequence[str], *, model: str, text: str, rounds: int) -> dict[str, Any]:
    """section -> medians, ratios and every measurement."""
    results: dict[str, Any] = {}
    for section in sections:
        found: dict[str, list[EvaluationTask]] = {library: [] for library in LIBRARIES}
        for library in LIBRARIES:
            measure(section, library, model, text)  # the files are read into memory
        for turn in range(rounds):
            for library in LIBRARIES if turn % 2 == 0 else LIBRARIES[::-1]:
                found[library].append(measure(section, library, model, text))
            print(f"{section}: round {turn + 1} of {rounds}", file=sys.stderr)
        results[section] = _summary(found)
        print(table({section: results[section]}), file=sys.stderr)
    return results


def _summary(found: dict[str, list[EvaluationTask]]) -> dict[str, Any]:
    ours, theirs = (found[library] for library in LIBRARIES)
    pairs = list(zip(ours, theirs, strict=True))
    answers = [a == b for one, other in pairs for a, b in zip(_listed(one), _listed(other), strict=True)]
    return {
        "seconds": {library: median(m.seconds for m in found[library]) for library in LIBRARIES},
        "peak": {library: median(m.peak for m in found[library]) for library in LIBRARIES},
        "time ratio": median(one.seconds / other.seconds for one, other in pairs),
        "memory ratio": median(one.peak / other.peak for one, other in pairs),
        "rounds": [[one.seconds, other.seconds] for one, other in pairs],
        "equal answers": None if not answers else sum(answers) / len(answers),
    }


def _listed(measured: EvaluationTask) -> list[Any]:
    return measured.answers if isinstance(measured.answers, list) else []


def table(results: dict[str, Any]) -> str:
    header = ("", "hubformer", "transformers", "time ratio", "hubformer", "transformers", "memory ratio")
    rows = [
        (
            section,
            *(f"{found['seconds'][library] * 1000:,.0f} ms" for library in LIBRARIES),
            f"{found['time ratio']:.2f}",
            *(f"{found['peak'][library] / 1e6:,.0f} MB" for library in LIBRARIES),
            f"{found['memory ratio']:.2f}",
        )
        for section, found in results.items()
    ]
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in (header, *rows)
    ]
    said = [
        f"{section}: {found['equal answers']:.1%} of the labels are equal"
        for section, found in results.items()
        if found["equal answers"] is not None
    ]
    return "\n".join([*lines, *said])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "sections",
        nargs="*",
        metavar="SECTION",
        help=f"of {', '.join((*SECTIONS, *GROUPS))}, or PRESET@LENGTH; none: all but the families",
    )
    parser.add_argument("--model", default=str(DEFAULT_MODEL), help="a folder with a sentiment model")
    parser.add_argument("--text", default=str(HERE / "sentences.txt"), help="a file with a sentence per line")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.child:
        child(*said.child)
        return
    sections = [one for name in said.sections for one in GROUPS.get(name, (name,))]
    unknown = [section for section in sections if section not in SECTIONS and section not in FAMILIES]
    if unknown:
        known = (*SECTIONS, *GROUPS, *FAMILIES)
        parser.error(f"there is no section {unknown[0]!r}; there are {', '.join(known)}")
    if not Path(said.model).is_dir():
        parser.error(
            f"there is no folder {said.model}; pass --model with a folder that holds a sentiment model"
        )
    results = run(sections or list(SECTIONS), model=said.model, text=said.text, rounds=said.rounds)
    if said.json:
        names = ("torch", *LIBRARIES)
        print(json.dumps({"versions": {name: version(name) for name in names}, "results": results}, indent=2))
    else:
        print(table(results))


if __name__ == "__main__":
    main()
