"""Run transformers 4.57's own tests on hubformer and on 4.57.6, and list what fails by cause.

    python scripts/run_v4_tests.py --python ENV/bin/python --folder FOLDER --out FILE.json [--only bert]

ENV has transformers 4.57.6 and pytest. FOLDER holds transformers' `tests/`, `utils/` and its file
`src/transformers/testing_utils.py`. Both sides run the same files with
the network switched off; what 4.57.6 does not pass there does not count.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

FILES = {
    "pipelines": "tests/pipelines/test_pipelines_common.py "
    "tests/pipelines/test_pipelines_text_classification.py "
    "tests/pipelines/test_pipelines_token_classification.py tests/pipelines/test_pipelines_fill_mask.py",
    "collators": "tests/trainer/test_data_collator.py",
    "processors": "tests/generation/test_logits_process.py",
    "criteria": "tests/generation/test_stopping_criteria.py",
    "streamers": "tests/generation/test_streamers.py",
    "configuration": "tests/generation/test_configuration_utils.py",
    "arguments": "tests/test_training_args.py tests/trainer/test_trainer_utils.py "
    "tests/trainer/test_trainer_callback.py",
    "bert": "tests/models/bert/test_modeling_bert.py",
    "gpt2": "tests/models/gpt2/test_modeling_gpt2.py",
    "t5": "tests/models/t5/test_modeling_t5.py",
    "xlnet": "tests/models/xlnet/test_modeling_xlnet.py",
}
# Runs pytest with `transformers` meaning hubformer, and with their testing_utils under its own name.
ON_US = """
import importlib.util, sys
import hubformer
hubformer.as_transformers()
import transformers
spec = importlib.util.spec_from_file_location("transformers.testing_utils", sys.argv[1])
module = importlib.util.module_from_spec(spec)
sys.modules["transformers.testing_utils"] = transformers.testing_utils = module
spec.loader.exec_module(module)
import pytest
sys.exit(pytest.main(sys.argv[2:]))
"""
ON_THEM = "import sys, pytest; sys.exit(pytest.main(sys.argv[2:]))"


def run(files: str, python: str, folder: Path, *, on_us: bool) -> dict[str, tuple[str, str]]:
    """Test -> (passed, failed or skipped; the last line of what it said)."""
    with TemporaryDirectory() as temporary:
        report = Path(temporary) / "report.xml"
        places = [str(folder), str(folder / "utils")]
        if on_us:
            places.append(str(Path(__file__).resolve().parents[1] / "src"))
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(places),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
            "TRANSFORMERS_IS_CI": "",
        }
        options = ["-q", "-p", "no:cacheprovider", "-W", "ignore", f"--junitxml={report}", "--noconftest"]
        command = [
            python,
            "-c",
            ON_US if on_us else ON_THEM,
            str(folder / "src/transformers/testing_utils.py"),
        ]
        done = subprocess.run(
            [*command, *options, *files.split()], capture_output=True, text=True, cwd=folder, env=environment
        )
        if not report.is_file():
            return {"(whole file)": ("failed", (done.stderr or done.stdout).strip().splitlines()[-1])}
        return dict(_results(report))


def _results(report: Path) -> Any:
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        bad = case.find("failure") if case.find("failure") is not None else case.find("error")
        if bad is not None:
            yield name, ("failed", _said(bad.get("message") or bad.text or "", bad.text or ""))
        else:
            yield name, ("skipped" if case.find("skipped") is not None else "passed", "")


def _said(message: str, text: str) -> str:
    lines = [line[4:] for line in text.splitlines() if line.startswith("E   ")]
    return (lines[0] if lines else message.splitlines()[0] if message else "")[:300]


def cause(said: str) -> str:
    """An error without its numbers and addresses, so that like ones count together."""
    return re.sub(r"0x[0-9a-f]+|\d+(\.\d+)?(e-?\d+)?", "N", said)[:160]


def main() -> int:
    parser = argparse.ArgumentParser(description="transformers 4.57's own tests, on hubformer.")
    parser.add_argument(
        "--python", required=True, help="the Python of an environment with transformers 4.57.6"
    )
    parser.add_argument(
        "--folder", required=True, type=Path, help="a folder with transformers' tests and src"
    )
    parser.add_argument("--out", type=Path, help="write the results here as JSON")
    parser.add_argument("--only", default="", help="groups whose name contains this")
    given = parser.parse_args()
    found: dict[str, Any] = {}
    for group in (name for name in FILES if given.only in name):
        theirs = run(FILES[group], given.python, given.folder.resolve(), on_us=False)
        ours = run(FILES[group], given.python, given.folder.resolve(), on_us=True)
        counted = [name for name, (verdict, _) in theirs.items() if verdict == "passed"]
        whole = ours.get("(whole file)", ("failed", "not collected"))
        failed = {
            name: ours.get(name, whole)[1] or ours.get(name, whole)[0]
            for name in counted
            if ours.get(name, whole)[0] != "passed"
        }
        causes = collections.Counter(cause(said) for said in failed.values()).most_common()
        found[group] = {
            "passed there": len(counted),
            "passed here": len(counted) - len(failed),
            "causes": causes,
            "failed": failed,
        }
        print(f"{group}: {len(counted) - len(failed)} of {len(counted)}", flush=True)
        for said, count in causes[:8]:
            print(f"    {count} {said}", flush=True)
        if given.out:
            given.out.write_text(json.dumps(found, indent=1), "utf-8")
    return int(any(group["failed"] for group in found.values()))


if __name__ == "__main__":
    sys.exit(main())
