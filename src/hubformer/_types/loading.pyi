"""How a model comes from files. Written by scripts/write_names.py."""

from collections.abc import Mapping
from os import PathLike
from typing import Any, Literal, overload

from torch import device as _device
from torch import dtype as _dtype
from typing_extensions import Self

from hubformer.models.config import PreTrainedConfig as _Config
from hubformer.pretrained.config import PreTrainedConfig
from hubformer.pretrained.model import PreTrainedModel

class Loading(PreTrainedModel):
    @overload  # type: ignore[override]
    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | PathLike[str],
        *model_args: Any,
        output_loading_info: Literal[True],
        **changes: Any,
    ) -> tuple[Self, dict[str, list[str]]]: ...
    @overload
    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | PathLike[str],
        *model_args: Any,
        config: PreTrainedConfig | str | PathLike[str] | None = None,
        cache_dir: str | PathLike[str] | None = None,
        ignore_mismatched_sizes: bool = False,
        check_finite: bool = True,
        force_download: bool = False,
        local_files_only: bool = False,
        token: str | bool | None = None,
        revision: str = "main",
        subfolder: str = "",
        use_safetensors: bool | None = None,
        variant: str | None = None,
        dtype: _dtype | str | None = None,
        torch_dtype: _dtype | str | None = None,
        device: _device | str | int | None = None,
        device_map: str | int | Mapping[str, Any] | None = None,
        mapped: bool = True,
        num_labels: int = ...,
        id2label: Mapping[int, str] = ...,
        label2id: Mapping[str, int] = ...,
        new_head: bool = False,
        new_cross_attention: bool = False,
        output_loading_info: Literal[False] = False,
        **changes: Any,
    ) -> Self: ...
    @classmethod
    def from_config(cls, config: _Config, *, dtype: _dtype | str | None = None, **named: Any) -> Self: ...
