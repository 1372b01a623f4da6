"""Run the first example of libraries that import transformers, on hubformer and on transformers, and compare.

    python scripts/run_library_examples.py --python ENV/bin/python --models FOLDER --out FILE.json

ENV has transformers 4.57.6 and the libraries of tests/compat/libraries.txt; hubformer is put on PYTHONPATH.
FOLDER holds the checkpoints by name: minilm-sst2, minilm-squad, stories260K, all-MiniLM-L6-v2.
Each example runs in two processes of its own, by `python` and by `python -m hubformer`, and prints what it
found as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

TOLERANCE = 1e-4  # of numbers printed, relative to the larger of 1 and the value

EXAMPLES = {
    "sentence-transformers: encode": """
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(f"{models}/all-MiniLM-L6-v2", device="cpu")
embeddings = model.encode(["The weather is lovely today.", "It's so sunny!", "He drove to the stadium."])
show(model.similarity(embeddings, embeddings).tolist())
""",
    "sentence-transformers: CrossEncoder": """
from sentence_transformers import CrossEncoder
model = CrossEncoder(f"{models}/minilm-sst2", device="cpu")
show(model.predict([("How many people live in Berlin?", "Berlin had 3.5 million inhabitants."),
                    ("Who?", "A very good film.")]).tolist())
""",
    "keybert": """
from keybert import KeyBERT
from sentence_transformers import SentenceTransformer
doc = "Supervised learning is the machine learning task of learning a function from examples of it."
show(KeyBERT(model=SentenceTransformer(f"{models}/all-MiniLM-L6-v2", device="cpu")).extract_keywords(doc))
""",
    "keybert: pipeline": """
from keybert import KeyBERT
from transformers.pipelines import pipeline
hf_model = pipeline("feature-extraction", model=f"{models}/all-MiniLM-L6-v2")
doc = "Supervised learning is the machine learning task of learning a function from examples of it."
show(KeyBERT(model=hf_model).extract_keywords(doc))
""",
    "bert_score": """
from bert_score import score
found = score(["28-year-old chef found dead in San Francisco mall"], ["28-Year-Old Chef Found Dead at mall"],
              model_type=f"{models}/all-MiniLM-L6-v2", num_layers=4, idf=False)
show([part.tolist() for part in found])
""",
    "captum": """
import torch
from captum.attr import LayerIntegratedGradients
from transformers import AutoModelForQuestionAnswering, AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained(f"{models}/minilm-squad")
model = AutoModelForQuestionAnswering.from_pretrained(f"{models}/minilm-squad").eval()
inputs = tokenizer("What is important to us?", "It is important to include people.", return_tensors="pt")
ids = inputs["input_ids"]
def start(ids):
    return model(ids).start_logits.max(1).values
lig = LayerIntegratedGradients(start, model.bert.embeddings)
attributions = lig.attribute(inputs=ids, baselines=torch.full_like(ids, tokenizer.pad_token_id), n_steps=10)
show(attributions.sum(-1).tolist())
""",
    "transformers-interpret": """
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from transformers_interpret import SequenceClassificationExplainer
model = AutoModelForSequenceClassification.from_pretrained(f"{models}/minilm-sst2")
tokenizer = AutoTokenizer.from_pretrained(f"{models}/minilm-sst2")
show(SequenceClassificationExplainer(model, tokenizer)("I love you, I like you"))
""",
    "transformers-interpret: question answering": """
from transformers import AutoModelForQuestionAnswering, AutoTokenizer
from transformers_interpret import QuestionAnsweringExplainer
model = AutoModelForQuestionAnswering.from_pretrained(f"{models}/minilm-squad")
tokenizer = AutoTokenizer.from_pretrained(f"{models}/minilm-squad")
explainer = QuestionAnsweringExplainer(model, tokenizer)
show(explainer("what is his name?", "his name is Bob"))
""",
    "peft": """
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM
torch.manual_seed(0)
model = AutoModelForCausalLM.from_pretrained(f"{models}/stories260K")
model = get_peft_model(model, LoraConfig(r=4, lora_alpha=8, task_type="CAUSAL_LM", init_lora_weights=False))
model.print_trainable_parameters()
ids = torch.tensor([[1, 5, 6, 7]])
before = model(input_ids=ids).logits
model.save_pretrained("adapter")
again = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(f"{models}/stories260K"), "adapter")
trained = sorted(name for name, p in model.named_parameters() if p.requires_grad)
show([before.tolist(), again(input_ids=ids).logits.tolist(), trained])
""",
    "transformers: add_adapter with peft's LoraConfig": """
import torch
from peft import LoraConfig
from transformers import AutoModelForCausalLM
model = AutoModelForCausalLM.from_pretrained(f"{models}/stories260K")
model.add_adapter(LoraConfig(r=4, target_modules=["q_proj"]), adapter_name="one")
show([model(input_ids=torch.tensor([[1, 5, 6]])).logits.tolist(), model.active_adapters()])
""",
    "accelerate": """
import torch
from accelerate import Accelerator
from transformers import AutoModelForSequenceClassification, get_scheduler
torch.manual_seed(0)
accelerator = Accelerator(cpu=True)
model = AutoModelForSequenceClassification.from_pretrained(f"{models}/minilm-sst2")
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
rows = [{"input_ids": torch.arange(5, 13), "labels": torch.tensor(i % 2)} for i in range(4)]
data = torch.utils.data.DataLoader(rows, batch_size=2)
model, optimizer, data = accelerator.prepare(model, optimizer, data)
scheduler = get_scheduler("linear", optimizer, num_warmup_steps=0, num_training_steps=2)
model.eval()
losses = []
for batch in data:
    loss = model(**batch).loss
    accelerator.backward(loss)
    optimizer.step(), scheduler.step(), optimizer.zero_grad()
    losses.append(loss.item())
accelerator.unwrap_model(model).save_pretrained("out", save_function=accelerator.save)
again = AutoModelForSequenceClassification.from_pretrained("out")
show([losses, again(torch.arange(5, 13)[None]).logits.tolist()])
""",
    "bertviz": """
from bertviz import head_view
from transformers import AutoModel, AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained(f"{models}/all-MiniLM-L6-v2")
model = AutoModel.from_pretrained(f"{models}/all-MiniLM-L6-v2", output_attentions=True)
inputs = tokenizer.encode("The cat sat on the mat", return_tensors="pt")
attention = model(inputs)[-1]
tokens = tokenizer.convert_ids_to_tokens(inputs[0])
head_view(attention, tokens, html_action="return")
show([tokens, [float(layer.sum()) for layer in attention], attention[0][0, 0].tolist()])
""",
    "setfit": """
from datasets import Dataset
from setfit import SetFitModel, Trainer, TrainingArguments
data = Dataset.from_dict({"text": ["great film", "bad film", "so good", "so awful"], "label": [1, 0, 1, 0]})
model = SetFitModel.from_pretrained(f"{models}/all-MiniLM-L6-v2", device="cpu")
arguments = TrainingArguments(batch_size=2, output_dir="out", report_to="none", save_strategy="no")
trainer = Trainer(model=model, args=arguments, train_dataset=data)
trainer.train()
show([int(label) for label in model.predict(["a very good film", "an awful film"])])
""",
    "trl": """
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer
tokenizer = AutoTokenizer.from_pretrained(f"{models}/stories260K")
tokenizer.pad_token = tokenizer.eos_token
model = AutoModelForCausalLM.from_pretrained(f"{models}/stories260K")
data = Dataset.from_dict({"text": ["Once upon a time there was a girl.", "A cat sat on a mat."] * 4})
arguments = SFTConfig(output_dir="out", max_steps=2, report_to="none", max_length=32, use_cpu=True,
                      bf16=False, logging_steps=1, per_device_train_batch_size=2, save_strategy="no",
                      gradient_checkpointing=False)
trainer = SFTTrainer(model, train_dataset=data, args=arguments, processing_class=tokenizer)
trainer.train()
show([entry["loss"] for entry in trainer.state.log_history if "loss" in entry])
""",
}
_START = """
import json, sys
models = sys.argv[1]
def show(found):
    print("FOUND " + json.dumps(found, default=float))
if __name__ == "__main__":
"""


def run(example: str, python: str, models: Path, *, on_us: bool, source: Path) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        script = Path(folder) / "example.py"
        body = "".join(f"    {line}\n" for line in EXAMPLES[example].strip().splitlines())
        script.write_text(_START + body, "utf-8")
        environment = {
            **os.environ,
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
            "TOKENIZERS_PARALLELISM": "false",
        }
        if on_us:
            environment["PYTHONPATH"] = str(source)
        command = [python, *(["-m", "hubformer"] if on_us else []), str(script), str(models)]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=folder, env=environment, timeout=900
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    if done.returncode or not lines:
        return {"error": done.stderr.strip().splitlines()[-1:] or ["no output"], "trace": done.stderr[-3000:]}
    return {"found": json.loads(lines[-1].removeprefix("FOUND "))}


def distance(ours: Any, theirs: Any) -> float:
    """The largest difference of two nested answers; infinite where they differ in form or text."""
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return max((distance(a, b) for a, b in zip(ours, theirs, strict=True)), default=0.0)
    if isinstance(ours, dict) and isinstance(theirs, dict) and ours.keys() == theirs.keys():
        return max((distance(ours[key], theirs[key]) for key in ours), default=0.0)
    if isinstance(ours, (int, float)) and isinstance(theirs, (int, float)):
        return abs(ours - theirs) / max(1.0, abs(theirs))
    return 0.0 if ours == theirs else float("inf")


def main() -> int:
    parser = argparse.ArgumentParser(description="Libraries that import transformers, on hubformer.")
    parser.add_argument("--python", required=True, help="the Python of an environment with the libraries")
    parser.add_argument("--models", required=True, type=Path, help="folder of the checkpoints")
    parser.add_argument("--out", type=Path, help="write the results here as JSON")
    parser.add_argument("--only", default="", help="examples whose name contains this")
    given = parser.parse_args()
    source = Path(__file__).resolve().parents[1] / "src"
    results: dict[str, Any] = {}
    for example in (name for name in EXAMPLES if given.only in name):
        ours = run(example, given.python, given.models.resolve(), on_us=True, source=source)
        theirs = run(example, given.python, given.models.resolve(), on_us=False, source=source)
        both = "found" in ours and "found" in theirs
        far = distance(ours["found"], theirs["found"]) if both else None
        verdict = (
            ("equal" if far is not None and far <= TOLERANCE else "different")
            if both
            else ("fails there too" if "found" not in theirs else "fails")
        )
        results[example] = {"verdict": verdict, "distance": far, "ours": ours, "theirs": theirs}
        said = far if both else {"ours": ours.get("error"), "theirs": theirs.get("error")}
        print(f"{example}: {verdict} {said}", flush=True)
    if given.out:
        given.out.write_text(json.dumps(results, indent=1), "utf-8")
    return int(any(result["verdict"] not in ("equal", "fails there too") for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
