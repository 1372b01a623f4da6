"""PreTrainedModel: a Model that comes from a folder or the Hub, and goes back there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from hubformer.adapters import files as adapter_files
from hubformer.adapters.sites import saved_tensors
from hubformer.core import Embedding
from hubformer.errors import ConfigError, InputError, refuse_unknown
from hubformer.generation.mixin import GenerationMixin
from hubformer.models.config import PreTrainedConfig
from hubformer.models.hub_tree import Computation, HubModule, TiedLinear, renew_ties
from hubformer.models.initial import initialise, number_of_parameters
from hubformer.pretrained.adapting import AdaptedModel
from hubformer.pretrained.config import AutoConfig, load_config, refuse_misspelt
from hubformer.pretrained.loading import (
    Options,
    fill,
    first_settings,
    stored_settings,
    with_ties,
)
from hubformer.pretrained.registry import base_class
from hubformer.pretrained.source import Source
from hubformer.pretrained.views import view_of
from hubformer.pretrained.vocabulary import resize_vocabulary
from hubformer.weights.saving import save_checkpoint


def config_changes(named: dict[str, Any]) -> dict[str, Any]:
    """Take the arguments that change the configuration out of a call's."""
    return {key: named.pop(key) for key in list(named) if key not in Options.NAMES}


class PreTrainedModel(AdaptedModel, GenerationMixin):
    """What every public model class can do. See the class of a family and head for its forward."""

    config_class: ClassVar[type[PreTrainedConfig]] = PreTrainedConfig
    base_model_prefix: ClassVar[str] = ""
    main_input_name: ClassVar[str] = "input_ids"
    forward: Callable[..., Any]

    def __init__(self, config: PreTrainedConfig, *, add_pooling_layer: bool = True) -> None:
        super().__init__(config, head=add_pooling_layer)
        self.name_or_path = config.name_or_path
        self.generation_config: Any = first_settings(config) if self.can_generate() else None

    @property
    def num_labels(self) -> int:
        """The configuration's; setting another number gives it labels of that number."""
        labels: int = self.config.num_labels
        return labels

    @num_labels.setter
    def num_labels(self, labels: int) -> None:
        if labels != self.config.num_labels:
            self.config.num_labels = labels

    def post_init(self) -> None:
        """Called at the end of `__init__` by classes written for v4; there is nothing left to do."""

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | PathLike[str] | Source,
        *model_args: Any,
        **named: Any,
    ) -> Any:
        """Load config.json and the weights from a folder or the Hub, ready to answer (in eval mode). Where
        an adapter is, the model that it names is loaded, and the adapter onto it.

        Where: revision (branch, tag or commit), token, cache_dir, subfolder, local_files_only,
        force_download, variant, use_safetensors. How: dtype (float32 unless asked; "auto" keeps the file's),
        device or device_map, mapped (False copies the weights into memory of their own). What: num_labels,
        id2label, label2id; new_cross_attention=True to train a decoder's attention to an encoder;
        ignore_mismatched_sizes to train afresh what has another size; check_finite=False to load weights
        that are NaN or infinite; output_loading_info for (model, report). Any other name changes that field
        of the configuration. A head that the file lacks is newly initialised, with a warning, and answers
        nothing before it is trained; new_head=True, which used to ask for that, is accepted.

        Raises:
            HubError, ConfigError, CheckpointError, UnknownArgument: as their messages say.
        """
        where, rest = Source.options(named)
        source = Source.of(pretrained_model_name_or_path, **where)
        config = rest.pop("config", None)
        changes = config_changes(rest)
        if config is None:
            config = load_config(source, **changes)
        elif not isinstance(config, PreTrainedConfig):
            config = AutoConfig.from_pretrained(config, **changes)
        else:
            refuse_misspelt(changes, type(config), also=vars(config))
            config.update(changes)
        cls._refuse_foreign(config)
        config.name_or_path = source.name
        options = Options.of(rest, call=f"{cls.__name__}.from_pretrained")
        model, loaded = fill(cls, source, config=config, arguments=model_args, options=options)
        model.name_or_path = loaded.base.name
        if model.can_generate():
            model.generation_config = stored_settings(loaded.base) or model.generation_config
        return (model.eval(), loaded.as_v4()) if options.output_loading_info else model.eval()

    @classmethod
    def _refuse_foreign(cls, config: PreTrainedConfig) -> None:
        """A class loads its own family, and families that are the same but for the name."""
        own = cls.family
        if config.model_type == own.model_type or isinstance(config, cls.config_class):
            return
        from hubformer.families import FAMILIES, family

        if config.model_type in FAMILIES and family(config.model_type).body is own.body:
            return
        raise ConfigError(
            f"{cls.__name__} loads models of the type {own.model_type!r}, this one is {config.model_type!r}. "
            "Load it with the Auto class for the task, which finds the right class."
        )

    @classmethod
    def from_config(cls, config: PreTrainedConfig, **named: Any) -> Any:
        return cls.from_fresh(config, **named)

    _from_config = from_config

    @classmethod
    def from_fresh(cls, config: PreTrainedConfig, **named: Any) -> Any:
        """A model with fresh weights; dtype is the only argument."""
        dtype = named.pop("dtype", named.pop("torch_dtype", None))
        named.pop("attn_implementation", None)
        named.pop("trust_remote_code", None)
        refuse_unknown(named, ("dtype",), call=f"{cls.__name__}.from_config")
        model = cls(config)
        return model if dtype is None else model.to(Options.parsed_dtype(dtype))

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """As torch's; of tied parameters one name is enough.

        Raises:
            RuntimeError: what torch raises for names that are missing or unknown, or another shape.
        """
        loaded = super().load_state_dict(with_ties(self, state_dict), strict=strict, assign=assign)
        renew_ties(self)
        return loaded

    # Saving

    def save_pretrained(
        self,
        save_directory: str | PathLike[str],
        is_main_process: bool = True,
        state_dict: Mapping[str, Tensor] | None = None,
        push_to_hub: bool = False,
        max_shard_size: int | str = "5GB",
        safe_serialization: bool = True,
        variant: str | None = None,
        token: str | bool | None = None,
    ) -> None:
        """Write config.json and the weights into a folder, under the Hub's names, in a form that
        transformers loads too. A folder holds the old version or the new one, whatever happens meanwhile.

        A model with adapters that are not merged writes the active ones alone, in PEFT's format.

        Raises:
            CheckpointError: what cannot be written so.
        """
        if not is_main_process:
            return
        folder = Path(save_directory)
        if folder.is_file():
            raise InputError(f"{folder} is a file, expected a folder to save into.")
        folder.mkdir(parents=True, exist_ok=True)
        if self.saves_adapters():
            if state_dict is not None:
                raise InputError("state_dict= is for a whole model; this one saves its adapters.")
            for name, place in self._adapter_folders(folder).items():
                self.save_adapter(place, name)
        else:
            self._save_whole(
                folder,
                state_dict,
                max_shard_size=max_shard_size,
                variant=variant,
                safe_serialization=safe_serialization,
            )
        if push_to_hub:
            self._push(folder, repo_id=folder.name, token=token)

    def _save_whole(
        self,
        folder: Path,
        state_dict: Mapping[str, Tensor] | None,
        *,
        max_shard_size: int | str,
        variant: str | None,
        safe_serialization: bool,
    ) -> None:
        named: Mapping[str, Tensor] = saved_tensors(self) if state_dict is None else state_dict
        recorded = type(self.config).from_dict(self.config.to_dict())
        recorded.architectures = [type(self).__name__]
        recorded.torch_dtype = str(self.dtype).removeprefix("torch.")
        files = {"config.json": recorded.to_json_string()}
        if self.generation_config is not None:
            files["generation_config.json"] = self.generation_config.to_json_string()
        save_checkpoint(
            folder,
            self.weight_map().to_hub(named),
            files=files,
            max_shard_size=max_shard_size,
            variant=variant,
            safe_serialization=safe_serialization,
        )
        adapter_files.remove(folder)

    def push_to_hub(
        self,
        repo_id: str,
        commit_message: str | None = None,
        private: bool | None = None,
        token: str | bool | None = None,
        revision: str | None = None,
        create_pr: bool = False,
        max_shard_size: int | str = "5GB",
    ) -> str:
        """Save into a temporary folder and upload it; returns the address of the commit.

        Raises:
            HubError: the upload was refused or broke off.
        """
        from tempfile import TemporaryDirectory

        with TemporaryDirectory() as folder:
            self.save_pretrained(folder, max_shard_size=max_shard_size)
            return self._push(
                Path(folder),
                repo_id=repo_id,
                token=token,
                commit_message=commit_message or f"Upload {type(self).__name__}",
                private=private,
                revision=revision,
                create_pr=create_pr,
            )

    def _push(self, folder: Path, *, repo_id: str, token: str | bool | None, **named: Any) -> str:
        from hubformer.hub.card import push_folder

        return push_folder(folder, repo_id, token=token, **named)

    # Generation

    def can_generate(self) -> bool:
        return self.head_row is not None and self.head_row.generates

    # The modules inside

    def compute_with(self, computation: Computation) -> None:
        super().compute_with(computation)
        self._register_base()

    def _register_base(self) -> None:
        """Let what stands under the backbone's name be a model of the class without head."""
        row, prefix = self.head_row, self.base_model_prefix
        inner = self._modules.get(prefix) if prefix else None
        if row is None or row.bare or row.body is not None or not isinstance(inner, HubModule):
            return
        self._modules[prefix] = view_of(
            base_class(self.family.model_type),
            self.config,
            computation=Computation(self.computation.body, self._pooler()),
            inner=inner,
        )

    @property
    def base_model(self) -> Any:
        """The model without its head, which shares the weights."""
        return getattr(self, self.base_model_prefix, self) if self.base_model_prefix else self

    def _pooler(self) -> nn.Module:
        """The part of this head that v4 counts to the base model."""
        from hubformer.models.heads import NoHead, PooledHead

        base = self.family.head("base")
        assert base is not None
        frozen = self.frozen()
        spec, body = base.spec(frozen), self.computation.body.spec
        with torch.device("meta"):
            pooler = spec.build(body)
        dense = self._dense_of(base.rows_in(frozen))
        if isinstance(spec, PooledHead) and dense is not None:
            pooler.dense = dense
            return pooler
        return pooler if isinstance(spec, NoHead) else NoHead().build(body)

    def _dense_of(self, rows: Sequence[Any]) -> nn.Module | None:
        wanted = {hub for row in rows for hub in row.hub}
        mine = self.family.weights(self.head_row, self.frozen()).rows  # type: ignore[arg-type]
        homes = [row.ours[0] for row in mine if set(row.hub) & wanted]
        return self.computation.get_submodule(homes[0].rpartition(".")[0]) if homes else None

    def get_input_embeddings(self) -> Embedding:
        return self.tokens

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        """Use another table of token vectors, of the same width; a tied head uses it too."""
        old = self.get_input_embeddings()
        if value.embedding_dim != old.embedding_dim:
            raise InputError(
                f"The new token vectors are {value.embedding_dim} wide, expected {old.embedding_dim}."
            )
        table = Embedding(value.num_embeddings, value.embedding_dim, _weight=value.weight)
        table.weight = value.weight
        self._inner().tree.replace(old, table)  # also where the halves of an encoder-decoder share one table

    def get_output_embeddings(self) -> nn.Module | None:
        """What turns states into scores of tokens, where the model has it."""
        from hubformer.models.heads import vocab_head_of

        found = vocab_head_of(self)
        if found is None:
            return None
        tied = (module for module in self.modules() if isinstance(module, TiedLinear))
        return getattr(found, "output", None) or next(tied, self.tokens)

    def tie_weights(self) -> None:
        """Make tied weights one tensor again, after one of them was replaced."""
        renew_ties(self)

    def resize_token_embeddings(
        self,
        new_num_tokens: int | None = None,
        pad_to_multiple_of: int | None = None,
        mean_resizing: bool = True,
    ) -> Embedding:
        """Make room for that many tokens; new vectors start near the mean of the old ones."""
        if self.peft_config:
            raise InputError("Resize the vocabulary before adapters are added: they hold its size.")
        return resize_vocabulary(
            self, new_num_tokens, multiple_of=pad_to_multiple_of, near_mean=mean_resizing
        )

    def num_parameters(self, only_trainable: bool = False, exclude_embeddings: bool = False) -> int:
        inside = {id(m.weight) for m in self.modules() if isinstance(m, Embedding)}
        return sum(
            p.numel()
            for p in self.parameters()
            if (p.requires_grad or not only_trainable) and not (exclude_embeddings and id(p) in inside)
        )

    def get_memory_footprint(self) -> int:
        """Of the weights, in bytes."""
        return sum(p.numel() * p.element_size() for p in self.parameters())

    def gradient_checkpointing_enable(
        self, gradient_checkpointing_kwargs: Mapping[str, Any] | None = None
    ) -> None:
        for stack in self.stacks():
            stack.recompute_activations()

    def gradient_checkpointing_disable(self) -> None:
        for stack in self.stacks():
            stack.recompute_activations(False)

    @property
    def is_gradient_checkpointing(self) -> bool:
        return any(stack.recomputes for stack in self.stacks())

    def own(self) -> Any:
        """Copy the weights out of the mapped files into memory of their own; needed before a loaded file is
        overwritten in place, and done by the Trainer."""
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.data = parameter.data.clone(memory_format=torch.contiguous_format)
        return self

    def init_weights(self) -> None:
        """Fresh weights for every parameter."""
        initialise(self, device=self.device)

    def __repr__(self) -> str:
        if self.head_row is None:
            return super().__repr__()
        return f"{type(self).__name__}({number_of_parameters(self):,} parameters)\n{super().__repr__()}"
