"""What the README and the other pages show is run. Their Hub is on this machine, with tiny models."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import hubformer

ROOT = Path(__file__).parent.parent
PAGES = [
    *("README.md", "CONTRIBUTING.md", "docs/differences.md"),
    *("docs/models.md", "docs/pretraining.md", "docs/training.md"),
]
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
_WORDS = """
    [PAD] [UNK] [CLS] [SEP] [MASK] i love this movie ! what is the capital of france ? paris . , hello world
    who wrote it ada day a want my money back
"""
WORDS = _WORDS.split()
SMALL = {"vocab_size": len(WORDS), "max_position_embeddings": 64}


def blocks(page: str, language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall((ROOT / page).read_text("utf-8")) if kind == language]


def test_the_first_two_commands_are_the_promised_ones() -> None:
    first, second = blocks("README.md", "sh")[:2]
    assert "hubformer run sentiment-analysis" in first
    assert second.strip() in (ROOT / ".ci/run").read_text("utf-8").splitlines()
    assert "\n" not in first.strip()


@pytest.fixture
def served(hub: Any, tmp_path: Path) -> Any:
    """Every id that the pages name, as a tiny model with the head that it is used for."""
    torch.manual_seed(0)
    bert = {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        **SMALL,
    }
    distil = {"dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 16, **SMALL}
    models = {
        "distilbert/distilbert-base-uncased-finetuned-sst-2-english": (
            hubformer.DistilBertForSequenceClassification(
                hubformer.DistilBertConfig(**distil, id2label={0: "NEGATIVE", 1: "POSITIVE"})
            )
        ),
        "distilbert/distilbert-base-cased-distilled-squad": hubformer.DistilBertForQuestionAnswering(
            hubformer.DistilBertConfig(**distil)
        ),
        "dslim/bert-base-NER": hubformer.BertForTokenClassification(
            hubformer.BertConfig(**bert, id2label={0: "O", 1: "B-PER", 2: "I-PER"})
        ),
        "google-bert/bert-base-uncased": hubformer.BertForMaskedLM(hubformer.BertConfig(**bert)),
        "sentence-transformers/all-MiniLM-L6-v2": hubformer.BertModel(hubformer.BertConfig(**bert)),
        "sshleifer/distilbart-cnn-12-6": hubformer.BartForConditionalGeneration(
            hubformer.BartConfig(
                d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
                decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, pad_token_id=0,
                bos_token_id=2, eos_token_id=3, decoder_start_token_id=3, forced_eos_token_id=3, **SMALL,
            )
        ),
        "google-t5/t5-small": hubformer.T5ForConditionalGeneration(
            hubformer.T5Config(
                d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2, vocab_size=len(WORDS),
                decoder_start_token_id=0, pad_token_id=0, eos_token_id=3,
            )
        ),
        "openai-community/gpt2": hubformer.GPT2LMHeadModel(
            hubformer.GPT2Config(
                n_embd=16, n_layer=1, n_head=2, vocab_size=len(WORDS), n_positions=64,
                bos_token_id=2, eos_token_id=3,
            )
        ),
    }  # fmt: skip
    for name, model in models.items():
        folder = tmp_path / "models" / name.replace("/", "--")
        model.save_pretrained(folder)
        (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
        if name.startswith("sentence-transformers/"):
            _write_modules(folder)
        if any(word in name for word in ("gpt2", "bart", "t5")):  # whose own would be larger than the test
            tokenizer = hubformer.BertTokenizerFast(vocab_file=str(folder / "vocab.txt"))
            (folder / "vocab.txt").unlink()
            tokenizer.save_pretrained(folder)
        hub.add(name, folder)
    return hub


def _write_modules(folder: Path) -> None:
    """What makes a model one of sentence-transformers."""
    kinds = {"": "Transformer", "1_Pooling": "Pooling"}
    modules = [{"path": path, "type": f"sentence_transformers.models.{kind}"} for path, kind in kinds.items()]
    (folder / "modules.json").write_text(json.dumps(modules), "utf-8")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}', "utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_python_blocks_run(page: str, served: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for text in blocks(page, "python"):
        exec(compile(text, page, "exec"), {})


def test_commands_run(served: Any, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "reviews.csv").write_text(
        "text,label\n" + "I love this movie!,positive\nI want my money back.,negative\n" * 10
    )
    (tmp_path / "runs" / "sst2").mkdir(parents=True)
    (tmp_path / "runs" / "sst2" / "log.jsonl").write_text(
        '{"loss": 2.0, "step": 1}\n{"loss": 1.0, "step": 2}\n'
    )
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    for text in blocks("README.md", "sh")[2:]:
        for line in filter(None, text.splitlines()):
            words = shlex.split(line)
            assert words[0] == "hubformer"
            command = [
                sys.executable,
                "-c",
                "import sys; from hubformer.cli import main; sys.exit(main())",
                *words[1:],
            ]
            done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
            assert done.returncode == 0, (line, done.stderr)
            assert done.stdout.strip(), line


def test_the_first_command_answers(hub: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """What the first command shows when everything is set up, on a machine without a network."""
    from hubformer.cli import main

    hub.stop()
    for command in blocks("README.md", "sh")[0].split("&&")[-2:]:
        program, *arguments = shlex.split(command)
        assert program == ".venv/bin/hubformer"
        assert main(arguments) == 0
    label, answer = map(json.loads, capsys.readouterr().out.splitlines())
    assert label["label"] == "POSITIVE"
    assert label["score"] > 0.9
    assert answer["answer"] == "Paris"


def test_contributing_names_files_that_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    for name in re.findall(r"`((?:src|tests|scripts|\.ci)/[\w./]+)`", text):
        assert "NAME" in name or (ROOT / name).exists(), name


@pytest.mark.slow
def test_the_first_command_in_a_fresh_clone(tmp_path: Path) -> None:
    """As a reader would: a copy of the checkout's files, with nothing else but Python. The second command is
    what `.ci/run` begins with."""
    clone = tmp_path / "hubformer"
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if os.path.lexists(ROOT / name):
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name, follow_symlinks=False)
    answer = _in_shell(blocks("README.md", "sh")[0], clone)
    assert '"POSITIVE"' in answer
    assert '"Paris"' in answer


def _in_shell(command: str, folder: Path) -> str:
    """What it prints, with no trace of the environment that runs the tests."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL"))}
    own = {str(Path(sys.prefix) / "bin"), str(Path(sys.executable).parent)}
    kept["PATH"] = os.pathsep.join(p for p in kept["PATH"].split(os.pathsep) if p not in own)
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for page in PAGES:
        for text in blocks(page, "sh"):
            for target in re.findall(r"^make (\w+)", text, re.MULTILINE):
                assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_links_point_at_files() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text("utf-8")):
            assert (ROOT / page).parent.joinpath(link).exists(), (page, link)
