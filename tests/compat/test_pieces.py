"""The small pieces of compat against their like in transformers."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import hubformer
from hubformer.errors import MissingPackage

theirs = pytest.importorskip("transformers")


def test_activations() -> None:
    from hubformer.activations import ACT2FN
    from transformers.activations import ACT2FN as THEIRS

    x = torch.linspace(-3, 3, 50, dtype=torch.float64)
    for name in ACT2FN:
        if name in THEIRS:
            torch.testing.assert_close(ACT2FN[name](x), THEIRS[name](x), rtol=0, atol=1e-9)
    assert isinstance(nn.Sequential(ACT2FN["gelu"]), nn.Module)


def test_conv1d_and_pruning() -> None:
    from hubformer.pytorch_utils import Conv1D, prune_conv1d_layer, prune_linear_layer
    from transformers import pytorch_utils

    ours, other = Conv1D(6, 4), pytorch_utils.Conv1D(6, 4)
    other.load_state_dict(ours.state_dict())
    x = torch.randn(2, 3, 4)
    torch.testing.assert_close(ours(x), other(x))
    kept = torch.tensor([0, 2, 5])
    torch.testing.assert_close(prune_conv1d_layer(ours, kept)(x), ours(x)[..., kept])
    linear = nn.Linear(4, 6)
    torch.testing.assert_close(prune_linear_layer(linear, kept)(x), linear(x)[..., kept])


def test_find_pruneable_heads() -> None:
    from hubformer.pytorch_utils import find_pruneable_heads_and_indices

    heads, index = find_pruneable_heads_and_indices([1, 2], 4, 2, {1})
    assert heads == {2}
    assert index.tolist() == [0, 1, 4, 5, 6, 7]  # head 2 stands second where head 1 has gone


def test_nested_tensors() -> None:
    from hubformer.trainer_pt_utils import nested_concat, nested_detach, nested_numpify, nested_truncate
    from transformers import trainer_pt_utils as other

    a = {"x": torch.ones(2, 3), "y": (torch.zeros(2, 1), torch.ones(2))}
    b = {"x": torch.ones(1, 5), "y": (torch.zeros(1, 1), torch.ones(1))}
    ours, expected = nested_concat(a, b), other.nested_concat(a, b)
    torch.testing.assert_close(ours["x"], expected["x"])
    torch.testing.assert_close(ours["y"][1], expected["y"][1])
    assert nested_truncate(ours, 1)["x"].shape == (1, 5)
    assert isinstance(nested_numpify(nested_detach(a))["y"][0], np.ndarray)


def test_parameter_names_without_norms() -> None:
    from hubformer.pytorch_utils import ALL_LAYERNORM_LAYERS
    from hubformer.trainer_pt_utils import get_parameter_names
    from transformers.trainer_pt_utils import get_parameter_names as other

    model = nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2), nn.Sequential(nn.Linear(2, 2)))
    model.own = nn.Parameter(torch.ones(1))  # after those of its children
    assert get_parameter_names(model, ALL_LAYERNORM_LAYERS) == other(model, [nn.LayerNorm])
    assert get_parameter_names(model, [], ["bias"]) == other(model, [], ["bias"])


def test_what_a_logger_says_is_captured() -> None:
    from hubformer.testing_utils import CaptureLogger

    logger = logging.getLogger("hubformer.captured")
    with CaptureLogger(logger) as heard:
        logger.error("said")
    logger.error("afterwards")
    assert heard.out == "said\n"


def test_label_smoother_over_every_class() -> None:
    from hubformer.trainer_pt_utils import LabelSmoother

    logits, labels = torch.randn(2, 3, 5), torch.tensor([[1, 2, -100], [0, 4, 3]])
    from transformers.trainer_pt_utils import LabelSmoother as Other

    expected = Other(epsilon=0.2)({"logits": logits}, labels)
    torch.testing.assert_close(LabelSmoother(epsilon=0.2)({"logits": logits}, labels), expected)


def test_versions() -> None:
    from hubformer.utils import check_min_version
    from hubformer.utils.versions import require_version

    require_version("torch>=2.0,<99")
    require_version("torch")
    with pytest.raises(ImportError, match="torch>=99 is needed, but torch is"):
        require_version("torch>=99", "Install it.")
    with pytest.raises(ValueError, match="no requirement"):
        require_version("torch of today")
    check_min_version("4.57.0")
    check_min_version("4.57.0.dev0")
    with pytest.raises(MissingPackage, match=r"answers as transformers 4\.57\.6"):
        check_min_version("5.0.0")


def test_last_checkpoint(tmp_path: Path) -> None:
    from hubformer.trainer_utils import get_last_checkpoint

    assert get_last_checkpoint(tmp_path) is None
    for step in (5, 40, 100):
        (tmp_path / f"checkpoint-{step}").mkdir()
    assert get_last_checkpoint(str(tmp_path)) == str(tmp_path / "checkpoint-100")


def test_text_datasets(tmp_path: Path) -> None:
    folder = Path(hubformer.__file__).parent / "bundled" / "minilm-sst2"
    tokenizer = hubformer.AutoTokenizer.from_pretrained(folder)
    file = tmp_path / "text.txt"
    file.write_text("a b\n\n  \nb a b a b a\n")
    lines = hubformer.LineByLineTextDataset(tokenizer=tokenizer, file_path=str(file), block_size=5)
    assert len(lines) == 2
    assert len(lines[1]["input_ids"]) == 5
    blocks = hubformer.TextDataset(tokenizer=tokenizer, file_path=str(file), block_size=4)
    assert [len(blocks[i]) for i in range(len(blocks))] == [4] * 4


def test_mappings_of_the_auto_classes() -> None:
    mapping = hubformer.MODEL_FOR_CAUSAL_LM_MAPPING
    assert mapping[hubformer.GPT2Config] is hubformer.GPT2LMHeadModel
    assert hubformer.GPT2Config in mapping
    assert hubformer.T5Config not in mapping
    kinds = [config.model_type for config in mapping]
    assert len(kinds) == len(mapping.keys()) == len(mapping.values())
    assert hubformer.CONFIG_MAPPING["bert"] is hubformer.BertConfig
    with pytest.raises(KeyError):
        hubformer.CONFIG_MAPPING["no-such-type"]
    assert hubformer.BertConfig not in hubformer.MODEL_FOR_CTC_MAPPING


def test_which_packages_there_are() -> None:
    assert hubformer.utils.is_torch_available()
    assert not hubformer.utils.is_tf_available()
    assert not hubformer.utils.is_flax_available()
    assert hubformer.utils.is_datasets_available()
    assert hubformer.utils._is_package_available("torch")
    assert not hubformer.utils._is_package_available("no_such_package")


def test_verbosity_and_bars() -> None:
    code = """
import io, logging, sys
from hubformer.utils import logging as hub_logging
logger = hub_logging.get_logger("hubformer.mine")
heard = io.StringIO()
hub_logging.add_handler(logging.StreamHandler(heard))
logger.info("quiet"); logger.warning_once("once"); logger.warning_once("once")
hub_logging.set_verbosity_error(); logger.warning("quiet")
hub_logging.set_verbosity_info(); logger.info("said")
assert heard.getvalue() == "once\\nsaid\\n", heard.getvalue()
assert hub_logging.get_verbosity() == hub_logging.INFO
hub_logging.disable_progress_bar()
assert not hub_logging.is_progress_bar_enabled() and hub_logging.tqdm([1]).disable
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
