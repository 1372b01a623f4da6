"""Write tests/families/goldens/led-sequence: what LEDForSequenceClassification says of two rows. transformers
4.57.6 has it, 5 no longer does.

Run with transformers 4.57.6 installed, in an environment of its own:

    python scripts/make_led_goldens.py
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import LEDConfig, LEDForSequenceClassification

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "families" / "goldens" / "led-sequence"
ROWS, LENGTH, PAD, END = 2, 13, 1, 2


def rows() -> dict[str, torch.Tensor]:
    """A whole row and one with padding behind, each with an end token last and tokens that see everywhere."""
    ids = torch.randint(6, 30, (ROWS, LENGTH))
    mask = torch.ones_like(ids)
    mask[1, 9:] = 0
    ids[0, -1] = ids[1, 8] = END
    ids[mask == 0] = PAD
    marked = torch.zeros_like(ids)
    marked[:, 0] = marked[1, 4] = 1
    return {"input_ids": ids, "attention_mask": mask, "global_attention_mask": marked}


def main() -> None:
    torch.manual_seed(11)
    config = LEDConfig(
        vocab_size=30, d_model=8, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=12, decoder_ffn_dim=12, attention_window=[4, 8],
        max_encoder_position_embeddings=24, max_decoder_position_embeddings=24, num_labels=3,
    )  # fmt: skip
    model = LEDForSequenceClassification(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    model.save_pretrained(FOLDER)
    given = {**rows(), "labels": torch.tensor([2, 0])}
    torch.set_default_dtype(torch.float64)  # of the masks that LED makes
    softmax = torch.nn.functional.softmax  # which LED computes in float32 whatever the model's precision
    torch.nn.functional.softmax = lambda x, dim, dtype=None: softmax(x, dim=dim)
    with torch.no_grad():
        out = model.double()(**given)
    answers = {name: out[name].contiguous() for name in ("logits", "loss", "encoder_last_hidden_state")}
    stored = {**{f"in.{name}": t for name, t in given.items()}, **{f"out.{n}": t for n, t in answers.items()}}
    save_file(stored, FOLDER / "answers.safetensors")


if __name__ == "__main__":
    main()
