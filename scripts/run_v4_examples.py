"""Run the example scripts of transformers 4.57 on hubformer and on 4.57.6, and compare their metrics.

    python scripts/run_v4_examples.py --python ENV/bin/python --examples FOLDER --work FOLDER --out FILE.json

ENV has transformers 4.57.6, accelerate, datasets, sentencepiece and what the scripts import. Data and tiny
checkpoints are made first, by that transformers, from a fixed seed. Metrics of `evaluate`, which would be
downloaded, are stood in for by counts of equal answers, the same for both libraries.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

MAKE = r"""
import json, random, sys
from pathlib import Path
import sentencepiece, torch
from tokenizers import ByteLevelBPETokenizer
from transformers import (BertConfig, BertModel, BertForMaskedLM, BertTokenizerFast, GPT2Config, GPT2LMHeadModel,
    GPT2TokenizerFast, T5Config, T5ForConditionalGeneration, T5TokenizerFast, XLNetConfig, XLNetLMHeadModel,
    XLNetTokenizerFast)
folder = Path(sys.argv[1]); draw = random.Random(0); torch.manual_seed(0)
things = "cat dog house tree river train child teacher song story city garden".split()
kinds = "red old happy small bright slow quiet great".split()
deeds = "sees finds likes draws follows remembers".split()
def sentence():
    return f"the {draw.choice(kinds)} {draw.choice(things)} {draw.choice(deeds)} the {draw.choice(kinds)} {draw.choice(things)}"
lines = [sentence() for _ in range(400)]
(folder / "text.txt").write_text("\n".join(f"{line} ." for line in lines))
def rows(name, records):
    half = len(records) * 3 // 4
    for part, kept in (("train", records[:half]), ("dev", records[half:])):
        (folder / f"{name}-{part}.json").write_text("\n".join(json.dumps(record) for record in kept))
some = lines[:64]
rows("pairs", [{"sentence1": s, "sentence2": s[::-1], "label": int("happy" in s)} for s in some])
rows("words", [{"tokens": s.split(), "ner_tags": ["B-T" if w in things else "O" for w in s.split()]} for s in some])
rows("texts", [{"text": f"{s} and {t}", "summary": s} for s, t in zip(some, some[1:])])
rows("translations", [{"translation": {"en": s, "de": s.upper()}} for s in some])
rows("choices", [{"sent1": s, "sent2": "then", **{f"ending{i}": sentence() for i in range(4)}, "label": k % 4}
                 for k, s in enumerate(some)])
asked = [{"id": str(k), "question": "who ?", "context": s, "answers": {"text": [s.split()[2]],
          "answer_start": [s.index(s.split()[2])]}} for k, s in enumerate(some)]
for part, kept in (("train", asked[:48]), ("dev", asked[48:])):
    (folder / f"asked-{part}.json").write_text(json.dumps({"data": kept}))
words = sorted({w for line in lines for w in f"{line} {line.upper()} then who ? .".split()})
letters = sorted({c for w in words for c in w})
vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys([*words, *letters, *(f"##{c}" for c in letters)])]
sizes = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
bert = folder / "bert"; bert.mkdir()
(bert / "vocab.txt").write_text("\n".join(vocabulary))
BertTokenizerFast(str(bert / "vocab.txt"), do_lower_case=False, model_max_length=64).save_pretrained(bert)
BertForMaskedLM(BertConfig(vocab_size=len(vocabulary), max_position_embeddings=64, **sizes)).save_pretrained(bert)
gpt2 = folder / "gpt2"; gpt2.mkdir()
byte_level = ByteLevelBPETokenizer(); byte_level.train([str(folder / "text.txt")], vocab_size=400, special_tokens=["<|endoftext|>"])
byte_level.save_model(str(gpt2))
GPT2TokenizerFast(str(gpt2 / "vocab.json"), str(gpt2 / "merges.txt"), model_max_length=64).save_pretrained(gpt2)
end = byte_level.token_to_id("<|endoftext|>")
GPT2LMHeadModel(GPT2Config(vocab_size=byte_level.get_vocab_size(), n_positions=64, n_embd=32, n_layer=2, n_head=2,
                           bos_token_id=end, eos_token_id=end)).save_pretrained(gpt2)
def pieces(name, **special):
    into = folder / name; into.mkdir()
    sentencepiece.SentencePieceTrainer.train(input=str(folder / "text.txt"), model_prefix=str(into / "spiece"),
        vocab_size=120, hard_vocab_limit=False, minloglevel=2, **special)
    return into, str(into / "spiece.model")
t5, file = pieces("t5", pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
tokenizer = T5TokenizerFast(file, extra_ids=10); tokenizer.save_pretrained(t5)
T5ForConditionalGeneration(T5Config(vocab_size=len(tokenizer), d_model=32, d_kv=16, d_ff=64, num_layers=2, num_heads=2,
                                    decoder_start_token_id=0)).save_pretrained(t5)
xlnet, file = pieces("xlnet", unk_id=0, bos_id=1, eos_id=2, pad_id=5, user_defined_symbols=["<cls>", "<sep>", "<mask>"])
tokenizer = XLNetTokenizerFast(file); tokenizer.save_pretrained(xlnet)
XLNetLMHeadModel(XLNetConfig(vocab_size=len(tokenizer), d_model=32, n_layer=2, n_head=2, d_inner=64)).save_pretrained(xlnet)
"""  # noqa: E501
EVALUATE = '''
"""Stands in for `evaluate`: counts of equal answers."""
def load(name, *given, **named):
    return _Metric(name)
class _Metric:
    def __init__(self, name): self.name, self.seen = name, ([], [])
    def add_batch(self, predictions=None, references=None, **named):
        self.seen[0].extend(predictions); self.seen[1].extend(references)
    def compute(self, predictions=None, references=None, **named):
        found, wanted = self.seen if predictions is None else (predictions, references)
        if self.name.startswith("squad"):
            answers = {r["id"]: r["answers"]["text"] for r in wanted}
            share = sum(p["prediction_text"] in answers[p["id"]] for p in found) / len(found)
            return {"exact_match": 100 * share, "f1": 100 * share}
        if self.name == "seqeval":
            pairs = [(a, b) for f, w in zip(found, wanted) for a, b in zip(f, w)]
            share = sum(a == b for a, b in pairs) / len(pairs)
            return {f"overall_{k}": share for k in ("precision", "recall", "f1", "accuracy")}
        if self.name == "rouge":
            common = [len(set(p.split()) & set(r.split())) / max(1, len(set(r.split()))) for p, r in zip(found, wanted)]
            return {"rouge1": sum(common) / len(common)}
        if self.name == "sacrebleu":
            common = [len(set(p.split()) & set(r[0].split())) / max(1, len(set(r[0].split()))) for p, r in zip(found, wanted)]
            return {"score": sum(common) / len(common)}
        return {"accuracy": sum(float(a == b) for a, b in zip(found, wanted)) / len(wanted)}
'''  # noqa: E501

_TRAIN = (
    "--do_train --do_eval --output_dir out --num_train_epochs 2 --per_device_train_batch_size 8 --seed 1 "
    "--learning_rate 1e-3 --report_to none --save_strategy no --use_cpu"
)
_LOOP = "--output_dir out --num_train_epochs 2 --per_device_train_batch_size 8 --seed 1 --learning_rate 1e-3"
_FILES = "--train_file {data}/%s-train.json --validation_file {data}/%s-dev.json"
_TEXT = "--train_file {data}/text.txt --validation_file {data}/text.txt"


def _files(name: str) -> str:
    return _FILES % (name, name)


_SUMMARY = "--max_source_length 32 --max_target_length 16 --text_column text --summary_column summary"
_LANGUAGES = "--source_lang en --target_lang de --max_source_length 32 --max_target_length 16"
RUNS = {
    "run_glue": f"text-classification/run_glue.py --model_name_or_path {{data}}/bert {_files('pairs')} "
    f"--max_seq_length 48 {_TRAIN}",
    "run_ner": f"token-classification/run_ner.py --model_name_or_path "
    f"{{data}}/bert {_files('words')} {_TRAIN} "
    "--text_column_name tokens --label_column_name ner_tags",
    "run_qa": f"question-answering/run_qa.py --model_name_or_path {{data}}/bert {_files('asked')} {_TRAIN} "
    "--max_seq_length 32 --doc_stride 8",
    "run_qa_beam_search": f"question-answering/run_qa_beam_search.py --model_name_or_path {{data}}/xlnet "
    f"{_files('asked')} {_TRAIN} --max_seq_length 48 --doc_stride 8",
    "run_clm": f"language-modeling/run_clm.py --model_name_or_path {{data}}/gpt2 "
    f"{_TEXT} {_TRAIN} --block_size 32",
    "run_mlm": f"language-modeling/run_mlm.py --model_name_or_path {{data}}/bert {_TEXT} {_TRAIN} "
    "--max_seq_length 32",
    "run_plm": f"language-modeling/run_plm.py --model_name_or_path {{data}}/xlnet {_TEXT} {_TRAIN} "
    "--max_seq_length 32",
    "run_swag": f"multiple-choice/run_swag.py --model_name_or_path {{data}}/bert "
    f"{_files('choices')} {_TRAIN}",
    "run_summarization": f"summarization/run_summarization.py --model_name_or_path {{data}}/t5 "
    f"{_files('texts')} {_TRAIN} {_SUMMARY} --predict_with_generate",
    "run_translation": f"translation/run_translation.py --model_name_or_path {{data}}/t5 "
    f"{_files('translations')} {_TRAIN} {_LANGUAGES} --predict_with_generate",
    "run_generation": "text-generation/run_generation.py --model_type gpt2 --model_name_or_path {data}/gpt2 "
    "--prompt the --length 10 --k 1 --use_cpu",
    "run_glue_no_trainer": f"text-classification/run_glue_no_trainer.py --model_name_or_path {{data}}/bert "
    f"{_files('pairs')} {_LOOP} --max_length 48",
    "run_ner_no_trainer": f"token-classification/run_ner_no_trainer.py --model_name_or_path {{data}}/bert "
    f"{_files('words')} {_LOOP} --text_column_name tokens --label_column_name ner_tags",
    "run_qa_no_trainer": f"question-answering/run_qa_no_trainer.py --model_name_or_path {{data}}/bert "
    f"{_files('asked')} {_LOOP} --max_seq_length 32 --doc_stride 8",
    "run_clm_no_trainer": f"language-modeling/run_clm_no_trainer.py "
    f"--model_name_or_path {{data}}/gpt2 {_TEXT} "
    f"{_LOOP} --block_size 32",
    "run_mlm_no_trainer": f"language-modeling/run_mlm_no_trainer.py "
    f"--model_name_or_path {{data}}/bert {_TEXT} "
    f"{_LOOP} --max_seq_length 32",
    "run_swag_no_trainer": f"multiple-choice/run_swag_no_trainer.py --model_name_or_path {{data}}/bert "
    f"{_files('choices')} {_LOOP}",
    "run_summarization_no_trainer": f"summarization/run_summarization_no_trainer.py --model_name_or_path "
    f"{{data}}/t5 {_files('texts')} {_LOOP} {_SUMMARY}",
    "run_translation_no_trainer": f"translation/run_translation_no_trainer.py "
    f"--model_name_or_path {{data}}/t5 "
    f"{_files('translations')} {_LOOP} {_LANGUAGES}",
}


def run(name: str, python: str, examples: Path, work: Path, *, on_us: bool) -> dict[str, Any]:
    """What a script wrote to all_results.json, or the last line of its error."""
    folder = work / name / ("ours" if on_us else "theirs")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    script, *arguments = RUNS[name].replace("{data}", str(work)).split()
    places = [str(work / "stand_ins")]
    if on_us:
        places.append(str(Path(__file__).resolve().parents[1] / "src"))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(places),
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(work / "cache"),
        "OMP_NUM_THREADS": "1",
        "ACCELERATE_USE_CPU": "true",
        "TOKENIZERS_PARALLELISM": "false",
    }
    command = [python, *(["-m", "hubformer"] if on_us else []), str(examples / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, timeout=900)
    (folder / "log.txt").write_text(done.stdout + done.stderr, "utf-8")
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line and not line.startswith(" ")]
        return {"error": said[-1] if said else f"exit {done.returncode}", "trace": done.stderr[-3000:]}
    if name == "run_generation":
        return {"metrics": {"text": done.stdout.strip().splitlines()[-1]}}
    results = folder / "out" / "all_results.json"
    if not results.is_file():
        return {"error": "no all_results.json", "trace": done.stderr[-3000:]}
    return {"metrics": json.loads(results.read_text("utf-8"))}


def compared(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """Metric -> (ours, theirs); speeds are left out."""
    slow = ("runtime", "per_second", "flos")
    return {
        name: (ours.get(name), value)
        for name, value in theirs.items()
        if not name.endswith(slow) and isinstance(value, (int, float, str))
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="The example scripts of transformers 4.57, on hubformer.")
    parser.add_argument(
        "--python", required=True, help="the Python of an environment with transformers 4.57.6"
    )
    parser.add_argument("--examples", required=True, type=Path, help="examples/pytorch of transformers 4.57")
    parser.add_argument("--work", required=True, type=Path, help="a folder for data, checkpoints and outputs")
    parser.add_argument("--out", type=Path, help="write the results here as JSON")
    parser.add_argument("--only", default="", help="scripts whose name contains this")
    given = parser.parse_args()
    work = given.work.resolve()
    if not (work / "xlnet" / "model.safetensors").is_file():
        work.mkdir(parents=True, exist_ok=True)
        subprocess.run([given.python, "-c", MAKE, str(work)], check=True)
        (work / "stand_ins").mkdir(exist_ok=True)
        (work / "stand_ins" / "evaluate.py").write_text(EVALUATE, "utf-8")
    results: dict[str, Any] = {}
    for name in (name for name in RUNS if given.only in name):
        theirs = run(name, given.python, given.examples.resolve(), work, on_us=False)
        ours = run(name, given.python, given.examples.resolve(), work, on_us=True)
        results[name] = {"ours": ours, "theirs": theirs}
        if "metrics" in ours and "metrics" in theirs:
            results[name]["compared"] = compared(ours["metrics"], theirs["metrics"])
            print(f"{name}: runs {results[name]['compared']}", flush=True)
        else:
            print(
                f"{name}: ours {ours.get('error', 'runs')} | theirs {theirs.get('error', 'runs')}", flush=True
            )
        if given.out:
            given.out.write_text(json.dumps(results, indent=1), "utf-8")
    return int(any("compared" not in result for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
