"""Which optional packages there are, under v4's names: `is_torch_available()`, `is_peft_available()`, ..."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

# is_<name>_available -> the package that it asks about, where that is another name
_PACKAGES = {
    "apollo_torch": "apollo_torch",
    "auto_awq": "awq",
    "bs4": "bs4",
    "datasets": "datasets",
    "essentia": "essentia",
    "faiss": "faiss",
    "flash_attn_2": "flash_attn",
    "flash_attn_3": "flash_attn_3",
    "galore_torch": "galore_torch",
    "jinja": "jinja2",
    "levenshtein": "Levenshtein",
    "optimum_quanto": "optimum.quanto",
    "rich": "rich",
    "sklearn": "sklearn",
    "speech": "torchaudio",
    "sudachi": "sudachipy",
    "tensorboard": "torch.utils.tensorboard",
    "torch_optimi": "optimi",
    "vision": "PIL",
    "ray_tune": "ray",
}
_TRUE = frozenset({"torch", "tokenizers", "safetensors", "torch_fx", "fsdp", "torchdynamo", "torch_sdpa"})
NLTK_IMPORT_ERROR = "{0} needs the nltk library: pip install nltk"
SCIPY_IMPORT_ERROR = "{0} needs the scipy library: pip install scipy"
# Frameworks and devices that hubformer does not use.
_FALSE = frozenset(
    [
        "tf",
        "flax",
        "tensorflow_text",
        "keras_nlp",
        "tensorflow_probability",
        "tf2onnx",
        "torch_xla",
        "torch_tpu",
        "torch_npu",
        "torch_mlu",
        "torch_musa",
        "torch_hpu",
        "torch_neuroncore",
        "torch_neuron",
        "mlx",
        "onnx",
    ]
)


def available(name: str) -> Callable[..., bool]:
    """The function of that name: `is_peft_available`."""

    def answer(*given: Any, **named: Any) -> bool:
        return _answer(name.removeprefix("is_").removesuffix("_available"))

    answer.__name__ = answer.__qualname__ = name
    return answer


@cache
def _answer(what: str) -> bool:
    if what in _TRUE:
        return True
    if what in _FALSE:
        return False
    if what.startswith("torch_"):
        import torch

        if what == "torch_cuda":
            return torch.cuda.is_available()
        if what == "torch_mps":
            return torch.backends.mps.is_available()
        if what == "torch_xpu":
            return hasattr(torch, "xpu") and torch.xpu.is_available()
        if what in ("torch_bf16_gpu", "torch_bf16", "torch_bf16_cpu"):
            return what != "torch_bf16_gpu" or (torch.cuda.is_available() and torch.cuda.is_bf16_supported())
        if what == "torch_tf32":
            return torch.cuda.is_available() and torch.cuda.get_device_capability()[0] >= 8
    return bool(_is_package_available(_PACKAGES.get(what, what)))


def _is_package_available(name: str, return_version: bool = False) -> Any:
    try:
        there = find_spec(name) is not None
    except (ImportError, ValueError):  # a parent is missing; or a module without a spec
        there = name in sys.modules
    if not return_version:
        return there
    try:
        return there, importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return there, "N/A"


def is_offline_mode() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", os.environ.get("TRANSFORMERS_OFFLINE", "0")).upper() in {
        "1", "ON", "YES", "TRUE",
    }  # fmt: skip


def is_in_notebook() -> bool:
    """Whether this runs in Jupyter."""
    return "ipykernel" in sys.modules and "IPython" in sys.modules


def is_torch_fx_proxy(x: object) -> bool:
    import torch.fx

    return isinstance(x, torch.fx.Proxy)


def is_torchdynamo_compiling() -> bool:
    import torch

    return torch.compiler.is_compiling()


def is_torchdynamo_exporting() -> bool:
    import torch

    return torch.compiler.is_exporting()


def check_torch_load_is_safe() -> None:
    """torch.load of the lowest torch that hubformer runs on reads tensors only."""


def direct_transformers_import(path: str, file: str = "__init__.py") -> Any:
    """The package itself."""
    import hubformer

    return hubformer


def is_sagemaker_mp_enabled() -> bool:
    return False


def is_training_run_on_sagemaker() -> bool:
    return False


def is_torch_greater_or_equal(library_version: str, accept_dev: bool = False) -> bool:
    from hubformer.compat.versions import at_least, get_torch_version

    return at_least(get_torch_version(), library_version)


def is_huggingface_hub_greater_or_equal(library_version: str, accept_dev: bool = False) -> bool:
    from hubformer.compat.versions import at_least

    return at_least(importlib.metadata.version("huggingface_hub"), library_version)


def is_torch_bf16_available_on_device(device: str) -> bool:
    return device == "cpu" or _answer("torch_bf16_gpu")


def is_torch_fp16_available_on_device(device: str) -> bool:
    import torch

    return device == "cpu" or torch.cuda.is_available()
