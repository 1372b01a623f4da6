"""The `hubformer` command: what it prints, where, and with which exit code."""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import hubformer
from hub_server import HubServer
from hubformer import __version__
from hubformer.cli import COMMANDS, main
from hubformer.errors import HubformerError
from hubformer.tables import Table, printable
from tiny_folders import write_answers, write_labels, write_writer

TEXTS = ["I love this movie!", "Dull."]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("models")
    return {
        "labels": str(write_labels(home / "labels")),
        "answers": str(write_answers(home / "answers")),
        "writer": str(write_writer(home / "writer")),
    }


def at_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard output is a terminal of 60 columns, as far as the command can tell."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "60")


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """(exit code, standard output, standard error)"""
    try:
        code = main(arguments)
    except SystemExit as error:
        code = int(error.code or 0)
    return (code, *capsys.readouterr())


def of_process(*arguments: str, **named: Any) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", "import sys; from hubformer.cli import main; sys.exit(main())"]
    return subprocess.run([*command, *arguments], capture_output=True, check=False, **named)


# Help


def test_help_is_worth_reading(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "--help")
    assert code == 0
    assert all(name in out for name in COMMANDS)
    assert out.count("hubformer run ") >= 3
    assert max(map(len, out.splitlines())) <= 100


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, command, "--help")
    assert code == 0
    assert "usage: hubformer" in out
    assert f"hubformer {command}" in out.partition("usage")[2]


def test_help_of_a_task_lists_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "run", "question-answering", "--help")
    assert code == 0
    assert "--max-answer-len" in out
    assert "what neighbouring windows share" in out
    assert "--max-new-tokens" in said(capsys, "run", "text-generation", "--help")[1]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "--version") == (0, f"hubformer {__version__}\n", "")


def test_help_brings_no_torch_along() -> None:
    code = (
        "import sys\nfrom hubformer.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'tokenizers', 'huggingface_hub'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


# Mistyped


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rnu"], "Did you mean 'run'?"),
        (["--verson"], "Did you mean '--version'?"),
        (["run"], "name the task first"),
        (["run", "sentiment"], "Did you mean 'sentiment-analysis'?"),
        (["run", "sentiment-analysis", "x", "--topk", "3"], "Did you mean '--top-k'?"),
        (["run", "sentiment-analysis"], "nothing to answer"),
        (["run", "question-answering", "--question", "Who?"], "--question and --context"),
        (["run", "sentiment-analysis", "x", "--file", "y"], "leave one of them out"),
        (["info"], "MODEL"),
        (["download", "a", "b"], "there is no b"),
        (["evaluate", "sentiment-analysis", "m"], "DATA"),
        (["evaluate", "sentiment-analysis", "m", "d", "--limt", "3"], "Did you mean '--limit'?"),
        (["evaluate", "sentiment-analysis", "m", "d", "--limit", "few"], "'few'"),
        (["plot"], "RUN"),
        (["plot", "runs", "--put", "x.png"], "Did you mean '--out'?"),
    ],
)
def test_mistyped(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", None)
    code, out, err = said(capsys, *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "--help" in err


def test_nothing_said_shows_help(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys)
    assert code == 2
    assert "commands:" in out


# What cannot be done


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "sentiment-analysis", "x", "--model", "./nowhere"], "no such folder"),
        (["run", "sentiment-analysis", "i " * 99, "--model", "{labels}"], "truncation=True"),
        (["run", "sentiment-analysis", "x", "--model", "{answers}"], "classifier"),
        (["run", "sentiment-analysis", "x", "--model", "{labels}", "--top-k", "many"], "top_k is 'many'"),
        (["run", "sentiment-analysis", "x", "--model", "{labels}", "--device", "abacus"], "device is"),
        (
            ["run", "sentiment-analysis", "--file", "nowhere.txt", "--model", "{labels}"],
            "nowhere.txt cannot be",
        ),
        (["run", "sentiment-analysis", "\udcff", "--model", "{labels}"], "not UTF-8"),
        (["info", "./nowhere"], "no such folder"),
        (["download", "./nowhere"], "no such folder"),
        (["evaluate", "sentimental-analysis", "{labels}", "x.csv"], "Did you mean 'sentiment-analysis'?"),
        (["evaluate", "sentiment-analysis", "./nowhere", "x.csv"], "no such folder"),
        (["evaluate", "sentiment-analysis", "{labels}", "nowhere.csv"], "There is no file nowhere.csv"),
        (["evaluate", "sentiment-analysis", "{labels}", "x", "--column", "text"], "of the form NAME=VALUE"),
        (["evaluate", "sentiment-analysis", "{labels}", "x", "--label", "1="], "of the form NAME=VALUE"),
        (
            ["evaluate", "ner", "{labels}", "x", "--option", "stride=1", "--option", "stride=2"],
            "--option names 'stride' twice",
        ),
        (
            ["evaluate", "ner", "{labels}", "x", "--truncation", "--option", "truncation=true"],
            "truncation is given as --truncation and as --option",
        ),
        (["plot", "nowhere"], "There is no file nowhere"),
        (["plot", "{labels}"], "neither log.jsonl nor trainer_state.json"),
    ],
)
def test_a_sentence_and_no_traceback(
    arguments: list[str], message: str, folders: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = said(capsys, *(argument.format(**folders) for argument in arguments))
    assert (code, out) == (1, "")
    assert err.startswith("hubformer: ")
    assert message in err
    assert "Traceback" not in err


# Answers


def test_json_lines(folders: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    from hubformer import pipeline

    code, out, _ = said(capsys, "run", "sentiment-analysis", *TEXTS, "--model", folders["labels"])
    assert code == 0
    assert [json.loads(line) for line in out.splitlines()] == pipeline(
        "sentiment-analysis", folders["labels"]
    )(TEXTS)


def test_a_table_on_a_terminal(
    folders: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_terminal(monkeypatch)
    texts = [
        *TEXTS,
        "This film is a fine film, and the movie is a fine movie, and so on and on.",
        "映画" * 30,
    ]
    code, out, _ = said(
        capsys, "run", "sentiment-analysis", *texts, "--truncation", "--model", folders["labels"]
    )
    header, *rows = out.splitlines()
    assert code == 0
    assert header.split() == ["LABEL", "SCORE", "TEXT"]
    assert len(rows) == 4
    at = header.index("TEXT")
    assert [row[at : at + 5] for row in rows[:2]] == ["I lov", "Dull."]
    assert all(row.endswith("…") and len(row) <= 60 for row in rows[2:])


def test_json_on_a_terminal_if_asked(
    folders: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_terminal(monkeypatch)
    _, out, _ = said(capsys, "run", "sentiment-analysis", "--json", TEXTS[0], "--model", folders["labels"])
    assert json.loads(out).keys() == {"label", "score"}


def test_options_of_the_task(folders: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("run", "sentiment-analysis", TEXTS[0], "--top-k", "none", "--function-to-apply", "none")
    _, out, _ = said(capsys, *arguments, "--model", folders["labels"])
    scores = [answer["score"] for answer in json.loads(out)]
    assert len(scores) == 2
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) != pytest.approx(1)


def test_questions_to_one_context(
    folders: dict[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    context = "Marta came to Paris.\nIt is the capital of France."
    asked = (
        "run",
        "question-answering",
        "--model",
        folders["answers"],
        "--question",
        "Who?",
        "--question",
        "What?",
    )
    _, out, _ = said(capsys, *asked, "--context", context)
    answers = [json.loads(line) for line in out.splitlines()]
    assert len(answers) == 2
    assert all(context[a["start"] : a["end"]] == a["answer"] for a in answers)
    (tmp_path / "story.txt").write_text(context, "utf-8")
    assert said(capsys, *asked, "--file", str(tmp_path / "story.txt"))[1] == out


def test_files(folders: dict[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    _, expected, _ = said(capsys, "run", "sentiment-analysis", *TEXTS, "--model", folders["labels"])
    plain, records = tmp_path / "texts.txt", tmp_path / "texts.jsonl"
    plain.write_bytes("\ufeff{}\r\n\n  \n{}".format(*TEXTS).encode())
    records.write_text("\n".join(json.dumps({"text": text}) for text in TEXTS), "utf-8")
    for path in (plain, records):
        code, out, _ = said(
            capsys, "run", "sentiment-analysis", "--file", str(path), "--model", folders["labels"]
        )
        assert code == 0
        assert out == expected


@pytest.mark.parametrize(
    ("content", "message"), [(b"ok\n\xff\n", "line 2, is not UTF-8"), (b"x", "is not JSON")]
)
def test_bad_files(
    content: bytes, message: str, folders: dict[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / ("texts.txt" if b"\n" in content else "texts.jsonl")
    path.write_bytes(content)
    code, _, err = said(
        capsys, "run", "sentiment-analysis", "--file", str(path), "--model", folders["labels"]
    )
    assert code == 1
    assert message in err


def test_standard_input(
    folders: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, expected, _ = said(capsys, "run", "sentiment-analysis", *TEXTS, "--model", folders["labels"])
    for said_so in (["-"], []):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("\n".join(TEXTS).encode())))
        code, out, _ = said(capsys, "run", "sentiment-analysis", *said_so, "--model", folders["labels"])
        assert (code, out) == (0, expected)


def test_writing(folders: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("run", "text-generation", "Who", "--max-new-tokens", "4", "--no-do-sample")
    code, out, _ = said(capsys, *arguments, "--model", folders["writer"])
    assert code == 0
    assert json.loads(out)[0]["generated_text"].startswith("Who")


def test_writing_streams_to_a_terminal(
    folders: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_terminal(monkeypatch)
    arguments = ("run", "text-generation", "Who", "--max-new-tokens", "4", "--no-do-sample")
    code, out, _ = said(capsys, *arguments, "--model", folders["writer"])
    assert code == 0
    assert out.startswith("Who")
    assert out.endswith("\n")
    assert printable(out.rstrip("\n")) == out.rstrip("\n")


# Models


def test_info(folders: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "info", folders["labels"])
    assert code == 0
    for expected in (
        "BertForSequenceClassification", "PooledHead(labels=2", "NEGATIVE, POSITIVE", "BodySpec(", "× 2",
        "float32", "BertTokenizer", "32 tokens",
    ):  # fmt: skip
        assert expected in out
    code, out, _ = said(capsys, "info", folders["writer"], "--json")
    found = json.loads(out)
    assert found["class"] == "GPT2LMHeadModel"
    assert found["parameters"] * 4 == found["memory"]["float32"]


def test_info_of_a_preset(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "info", "gpt3-175b")
    assert code == 0
    assert "174,604,259,328" in out
    assert ")) × 48" in out  # a layer that sees all, then one that sees a band
    _, out, _ = said(capsys, "info", "gemma-3-1b")
    assert ") × 5, LayerSpec(" in out
    assert ")) × 4, LayerSpec(" in out
    assert ") × 2," in out


def test_info_lists_what_nothing_read(
    folders: dict[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    values = json.loads((Path(folders["labels"]) / "config.json").read_text("utf-8"))
    (tmp_path / "config.json").write_text(json.dumps({**values, "flux": 3}), "utf-8")
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n# A model\n", "utf-8")
    _, out, _ = said(capsys, "info", str(tmp_path))
    assert "flux" in out
    assert "license" in out
    assert "mit" in out
    assert "none in this folder" in out


def test_download(
    hub: HubServer,
    folders: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commit = hub.add("org/labels", Path(folders["labels"]))
    code, out, err = said(capsys, "download", "org/labels")
    assert code == 0
    assert commit in err
    there = {path.name for path in Path(out.strip()).iterdir()}
    assert there >= {"config.json", "model.safetensors", "vocab.txt", "tokenizer_config.json"}
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    code, out, _ = said(capsys, "run", "sentiment-analysis", TEXTS[0], "--model", "org/labels")
    assert code == 0
    assert json.loads(out)["label"] in ("NEGATIVE", "POSITIVE")
    assert said(capsys, "info", "org/labels")[0] == 0


def test_an_adapter_and_its_base(
    hub: HubServer,
    folders: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Both are fetched, after which the adapter runs without the Hub."""
    commits = [hub.add("org/labels", Path(folders["labels"]))]
    model = hubformer.AutoModelForSequenceClassification.from_pretrained("org/labels")
    model.add_adapter(hubformer.LoraConfig("SEQ_CLS", r=4))
    model.save_pretrained(tmp_path / "adapter")
    commits.append(hub.add("org/adapter", tmp_path / "adapter"))
    code, out, err = said(capsys, "download", "org/adapter", "--force")
    assert code == 0
    assert all(commit in err for commit in commits)
    there = {path.name for path in Path(out.strip()).iterdir()}
    assert there >= {"adapter_config.json", "adapter_model.safetensors"}
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert said(capsys, "run", "sentiment-analysis", TEXTS[0], "--model", "org/adapter")[0] == 0
    for name in ("org/adapter", str(tmp_path / "adapter")):
        code, out, _ = said(capsys, "info", name)
        assert code == 0
        assert "LoRA of rank 4 on query, value, trained on org/labels; adapter_model.safetensors" in out
        assert "BertForSequenceClassification" in out


def test_a_revision(hub: HubServer, folders: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    hub.add("org/labels", Path(folders["labels"]))
    code, _, err = said(capsys, "run", "sentiment-analysis", "x", "--model", "org/labels", "--revision", "v9")
    assert code == 1
    assert "v9" in err


# Measuring


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.csv"
    path.write_text("review,stars\n" + f"{TEXTS[0]},5\n{TEXTS[1]},1\n" * 3, "utf-8")
    return path


@pytest.fixture
def measured(folders: dict[str, str], reviews: Path) -> list[str]:
    """A command that measures, and says how the data's columns and labels are meant."""
    names = ["--column", "text=review", "--column", "label=stars", "--label", "1=NEGATIVE"]
    command = ["evaluate", "sentiment-analysis", folders["labels"], str(reviews)]
    return [*command, *names, "--label", "5=POSITIVE"]


def test_evaluate(measured: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    from hubformer.evaluation import evaluate

    expected = evaluate(
        "text-classification",
        measured[2],
        [{"text": text, "label": label} for text, label in zip(TEXTS * 3, (1, 0) * 3, strict=True)],
    )
    code, out, err = said(capsys, *measured, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)["metrics"]
    assert {name: row["value"] for name, row in found.items()} == expected.metrics
    assert (found["accuracy"]["low"], found["accuracy"]["high"]) == expected.intervals["accuracy"]

    code, out, _ = said(capsys, *measured, "--limit", "4", "--resamples", "0")
    assert code == 0
    assert "4 examples in" in out
    assert "interval" not in out
    assert "rows: true, columns: predicted" in out


def test_evaluate_hands_on_all_that_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import hubformer.evaluation

    asked: dict[str, Any] = {}

    def recorded(*given: Any, **named: Any) -> Any:
        asked.update(named, given=given)
        raise HubformerError("enough")

    monkeypatch.setattr(hubformer.evaluation, "evaluate", recorded, raising=False)
    options = (
        "--format conll --names a,b --limit 3 --device cpu --dtype float64 --revision v1 --scheme IOB1 "
        "--resamples 7 --level 0.5 --seed 9 --option stride=4 --column x=y --label p=q"
    )
    assert said(capsys, "evaluate", "ner", "m", "d", *options.split())[0] == 1
    assert asked == {
        "given": ("ner", "m", "d"),
        "columns": {"x": "y"},
        "labels": {"p": "q"},
        "format": "conll",
        "names": ["a", "b"],
        "limit": 3,
        "device": "cpu",
        "dtype": "float64",
        "revision": "v1",
        "scheme": "IOB1",
        "resamples": 7,
        "level": 0.5,
        "seed": 9,
        "stride": 4,
    }


def test_evaluate_without_a_header(
    measured: list[str], reviews: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = json.loads(said(capsys, *measured, "--json")[1])["metrics"]
    reviews.write_text(reviews.read_text("utf-8").partition("\n")[2], "utf-8")
    assert "It has the columns 'I love this movie!', '5'" in said(capsys, *measured)[2]
    code, out, _ = said(capsys, *measured, "--names", "review,stars", "--json")
    assert code == 0
    assert json.loads(out)["metrics"] == expected


def test_evaluate_with_options_of_the_pipeline(
    measured: list[str], reviews: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews.write_text("review,stars\n" + "i " * 99 + ",5\n", "utf-8")
    assert "truncation=True" in said(capsys, *measured)[2]
    for options in (
        ["--truncation", "--max-length", "9"],
        ["--option", "truncation=true", "--option=max_length=9"],
    ):
        code, out, _ = said(capsys, *measured, *options, "--json")
        assert code == 0
        given = json.loads(out)["settings"]["options"]
        assert given == {"top_k": None, "truncation": True, "max_length": 9}
    code, _, err = said(capsys, *measured, "--option", "max_lenght=9")
    assert code == 1
    assert "Did you mean 'max_length'?" in err
    code, _, err = said(capsys, *measured, "--option", "top_k=1")
    assert code == 1
    assert "Leave top_k out" in err


def test_evaluate_saves(
    measured: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    folder = tmp_path / "results"
    code, out, err = said(capsys, *measured, "--save", str(folder))
    assert code == 0
    assert (folder / "evaluation.txt").read_text("utf-8") == out
    assert {Path(line).name for line in err.splitlines()} == {path.name for path in folder.iterdir()}
    assert (folder / "reliability.png").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "file").write_text("")
    code, _, err = said(capsys, *measured, "--save", str(tmp_path / "file" / "results"))
    assert code == 1
    assert err == f"hubformer: {tmp_path}/file/results cannot be written: Not a directory.\n"

    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    code, out, err = said(capsys, *measured, "--save", str(folder))
    assert (code, out) == (1, "")
    assert err.startswith("hubformer: Plotting (leave it out by --no-plots) needs the package 'matplotlib'")
    assert err.count("\n") == 1
    assert "hubformer[evaluation]" in err
    code, _, err = said(capsys, *measured, "--save", str(folder), "--no-plots")
    assert code == 0
    assert len(err.splitlines()) == 2


def test_evaluate_without_scipy_is_one_sentence(
    folders: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import hubformer

    config = hubformer.BertConfig.from_pretrained(folders["labels"], num_labels=1)
    hubformer.BertForSequenceClassification(config).save_pretrained(tmp_path / "score")
    for name in ("vocab.txt", "tokenizer_config.json"):
        (tmp_path / "score" / name).write_bytes((Path(folders["labels"]) / name).read_bytes())
    data = tmp_path / "pairs.csv"
    data.write_text("text,label\nfine,1\ndull,0\n")
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    code, out, err = said(capsys, "evaluate", "text-classification", str(tmp_path / "score"), str(data))
    assert (code, out) == (1, "")
    assert "needs the package 'scipy'" in err
    assert err.count("\n") == 1


def test_plot(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    log = tmp_path / "log.jsonl"
    log.write_text('{"loss": 2.0, "step": 1}\n{"loss": 1.0, "step": 2}\n', "utf-8")
    drawn = tmp_path / "training_curves.png"
    for run in (tmp_path, log):
        assert said(capsys, "plot", str(run)) == (0, f"{drawn}\n", "")
        assert drawn.read_bytes().startswith(b"\x89PNG")
        drawn.unlink()
    assert said(capsys, "plot", str(log), "--out", str(tmp_path / "curves.png"))[0] == 0
    assert (tmp_path / "curves.png").is_file()
    code, out, err = said(capsys, "plot", str(log), "--out", str(tmp_path / "no" / "curves.png"))
    assert (code, out) == (1, "")
    assert err.endswith("curves.png cannot be written: No such file or directory.\n")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    code, _, err = said(capsys, "plot", str(log))
    assert code == 1
    assert err.startswith("hubformer: Plotting needs the package 'matplotlib'")


# Processes


def test_a_closed_pipe_is_quiet(folders: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("I love this movie\n" * 20_000, "utf-8")
    command = "import sys; from hubformer.cli import main; sys.exit(main())"
    arguments = ["run", "sentiment-analysis", "--file", str(path), "--model", folders["labels"]]
    with subprocess.Popen(
        [sys.executable, "-c", command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_one_sentence() -> None:
    command = "import sys; from hubformer.cli import main; sys.exit(main())"
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", command, "--version"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert done.stderr == "hubformer: the disk is full; what was written is not complete.\n"


def test_interrupted(folders: dict[str, str]) -> None:
    # A shell that runs the tests in the background has SIGINT ignored, here too unless it is set right.
    command = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from hubformer.cli import main; sys.exit(main())"
    )
    arguments = ["run", "sentiment-analysis", "-", "--model", folders["labels"]]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", command, *arguments], stdin=pipe, stdout=pipe, stderr=pipe
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(b"I love this movie\n" * 40)
        process.stdin.flush()
        assert process.stdout.readline()  # it answers, and waits for more
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == b"hubformer: interrupted\n"
        assert process.wait() == 130


def test_text_of_any_script_whatever_the_locale(folders: dict[str, str]) -> None:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    text = "映画 фильм"
    done = of_process(
        "run", "text-generation", text, "--max-new-tokens", "1", "--model", folders["writer"], env=environment
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.decode())[0]["generated_text"].startswith(text)


def test_on_a_real_terminal(folders: dict[str, str]) -> None:
    """Typed text is answered line by line."""
    command = "import sys; from hubformer.cli import main; sys.exit(main())"
    arguments = ["run", "sentiment-analysis", "-", "--model", folders["labels"]]
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", command, *arguments], stdin=theirs, stdout=theirs
    ) as process:
        os.close(theirs)
        os.write(ours, b"I love this movie\n")
        seen = b""
        while b"TEXT\r\n" not in seen or seen.count(b"\n") < 3:
            seen += os.read(ours, 1000)
        os.write(ours, b"\x04")
        assert process.wait() == 0
    os.close(ours)
    assert b"I love this movie\r\n" in seen.partition(b"TEXT\r\n")[2]


def test_table_cuts_to_columns() -> None:
    table = Table(width=40)
    first = table.lines([["a", "x" * 100], ["bb", "\x1b[31mred\n映画"]], header=["n", "text"])
    assert first[0] == "N   TEXT"
    assert first[1] == "a   " + "x" * 35 + "…"
    assert first[2] == "bb   [31mred 映画"
    assert table.lines([["longer", "y"]], header=["n", "text"]) == ["l…  y"]
