"""Names of files and places, as v4 spells them."""

from __future__ import annotations

import os
from pathlib import Path

CONFIG_NAME = "config.json"
GENERATION_CONFIG_NAME = "generation_config.json"
MODEL_CARD_NAME = "modelcard.json"
CHAT_TEMPLATE_NAME = "chat_template.json"
WEIGHTS_NAME = "pytorch_model.bin"
WEIGHTS_INDEX_NAME = "pytorch_model.bin.index.json"
SAFE_WEIGHTS_NAME = "model.safetensors"
SAFE_WEIGHTS_INDEX_NAME = "model.safetensors.index.json"
ADAPTER_CONFIG_NAME = "adapter_config.json"
ADAPTER_WEIGHTS_NAME = "adapter_model.bin"
ADAPTER_SAFE_WEIGHTS_NAME = "adapter_model.safetensors"
TF_WEIGHTS_NAME = "model.ckpt"
TF2_WEIGHTS_NAME = "tf_model.h5"
FLAX_WEIGHTS_NAME = "flax_model.msgpack"

PREFIX_CHECKPOINT_DIR = "checkpoint"
TRAINER_STATE_NAME = "trainer_state.json"
TRAINING_ARGS_NAME = "training_args.bin"
OPTIMIZER_NAME = "optimizer.pt"
SCHEDULER_NAME = "scheduler.pt"

SENTENCEPIECE_UNDERLINE = SPIECE_UNDERLINE = "\u2581"
ENV_VARS_TRUE_VALUES = {"1", "ON", "YES", "TRUE"}
DUMMY_INPUTS = [[7, 6, 0, 0, 1], [1, 2, 3, 0, 0], [0, 0, 0, 4, 5]]
DUMMY_MASK = [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [0, 0, 0, 1, 1]]
MULTIPLE_CHOICE_DUMMY_INPUTS = [[[0], [1]], [[0], [1]]]

_HOME = Path(os.environ.get("HF_HOME", Path("~/.cache/huggingface").expanduser()))
TRANSFORMERS_CACHE = default_cache_path = os.environ.get("HF_HUB_CACHE", str(_HOME / "hub"))
PYTORCH_PRETRAINED_BERT_CACHE = PYTORCH_TRANSFORMERS_CACHE = TRANSFORMERS_CACHE
HF_MODULES_CACHE = os.environ.get("HF_MODULES_CACHE", str(_HOME / "modules"))
