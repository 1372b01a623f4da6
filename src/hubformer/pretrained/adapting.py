"""What a model does with adapters, under v4's names for its PEFT integration."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from torch import Tensor

from hubformer.adapters import Adapter, Adapters, LoraConfig, adapters_of, files
from hubformer.adapters.adapters import HOME, is_adapted
from hubformer.adapters.sites import places_of, resolved
from hubformer.errors import CheckpointError, InputError, refuse_unknown
from hubformer.models.model import Model
from hubformer.pretrained.source import WHERE, Source

_log = logging.getLogger("hubformer")
FIRST = "default"  # the name of an adapter that is given none


class AdaptedModel(Model):
    """A model that small trained parts can be added to (LoRA; Hu et al. 2021, arXiv:2106.09685).

    With an adapter the base is frozen; `save_pretrained` writes the adapter alone, in PEFT's format, unless
    it is merged into the weights.
    """

    name_or_path: str = ""
    is_view = False  # of another model's body, which keeps the adapters

    def add_adapter(self, adapter_config: LoraConfig, adapter_name: str | None = None) -> None:
        """Add a fresh adapter, make it the active one, and freeze everything else.

        It changes nothing until it is trained. Adapters that were active before are kept.

        Raises:
            InputError: modules that this model does not have, a name that is taken.
        """
        if not isinstance(adapter_config, LoraConfig):
            raise InputError(
                f"add_adapter got a {type(adapter_config).__name__}, expected a hubformer.LoraConfig."
            )
        places = places_of(self)
        config = adapter_config.changed(base_model_name_or_path=self.name_or_path or None)
        self._take(
            FIRST if adapter_name is None else adapter_name,
            lambda: Adapter(resolved(config, self, places=places, strict=True), self, places=places),
        )

    def load_adapter(
        self,
        peft_model_id: str | PathLike[str] | Source | None = None,
        adapter_name: str | None = None,
        revision: str | None = None,
        token: str | bool | None = None,
        *,
        is_trainable: bool = False,
        adapter_state_dict: Mapping[str, Tensor] | None = None,
        peft_config: LoraConfig | Mapping[str, Any] | None = None,
        **where: Any,
    ) -> None:
        """Load an adapter from a folder or the Hub, as PEFT writes it, and make it the active one.

        In place of a name: its tensors (adapter_state_dict) and its configuration (peft_config). Unless
        is_trainable, it is frozen. cache_dir, subfolder, local_files_only and force_download say where to
        look.

        Raises:
            HubError: it cannot be had. CheckpointError: it is no LoRA, or does not fit this model.
            InputError: a name that is taken.
        """
        refuse_unknown(where, set(WHERE) - {"revision", "token"}, call="load_adapter")
        if (peft_model_id is None) == (adapter_state_dict is None):
            raise InputError("load_adapter takes either a name or adapter_state_dict=, and one it needs.")
        if peft_model_id is not None:
            source = Source.of(peft_model_id, revision=revision, token=token, **where)
            config = files.read_config(source.file(files.CONFIG))
            _, path = source.repo.first(files.WEIGHTS_NAMES, what="adapter")
            tensors, said = files.read_tensors(path), f"The adapter in {path}"
        else:
            config, tensors = _given(adapter_state_dict or {}, peft_config)
            said = "The adapter"
        config = config.changed(inference_mode=not is_trainable)
        self._take(
            FIRST if adapter_name is None else adapter_name,
            lambda: files.made(config, tensors, model=self, where=said),
        )

    def _take(self, name: str, make: Callable[[], Adapter]) -> None:
        """Add the adapter that `make` gives, or leave the model as it is."""
        if self.is_view:
            raise InputError(
                f"This {type(self).__name__} is a view of another model's body, which would not know of the "
                "adapter. Add it to the whole model."
            )
        there = adapters_of(self)
        if there is None and is_adapted(self):
            raise InputError("A part of this model has adapters already; add this one to that part.")
        if there is None and (HOME in self._modules or HOME in self.__dict__):
            raise InputError(
                f"{type(self).__name__} has an attribute {HOME!r} of its own: call it otherwise."
            )
        adapters = Adapters(self) if there is None else there
        self._refuse_merged(adapters)
        adapters.check_name(name)
        adapter = make()
        if there is None:
            setattr(self, HOME, adapters)
        adapters.add(name, adapter, model=self)

    def set_adapter(self, adapter_name: str | Sequence[str]) -> None:
        """Make one adapter, or several together, the active ones; only they are trained.

        Raises:
            InputError: there is none of that name, or two have the same parameters for themselves.
        """
        adapters = self._adapters()
        self._refuse_merged(adapters)
        adapters.enabled = True
        adapters.activate(_names(adapter_name), model=self)

    def active_adapters(self) -> list[str]:
        """The names of the active adapters, also while they are disabled.

        Raises:
            InputError: no adapter was ever added.
        """
        return list(self._adapters().active)

    @property
    def peft_config(self) -> dict[str, LoraConfig]:
        """The configuration of every adapter."""
        adapters = adapters_of(self)
        return {} if adapters is None else {n: one.config for n, one in adapters.every().items()}

    def disable_adapters(self) -> None:
        """Compute as the base does, bit for bit, until `enable_adapters`."""
        self._switch(on=False)

    def enable_adapters(self) -> None:
        """Compute with the active adapters again."""
        self._switch(on=True)

    def _switch(self, *, on: bool) -> None:
        adapters = self._adapters()
        self._refuse_merged(adapters)
        adapters.enabled = on
        adapters.settle(self)

    def delete_adapter(self, adapter_names: str | Sequence[str]) -> None:
        """Forget adapters. Without the last one the model is what it was before the first.

        Raises:
            InputError: there is none of that name.
        """
        adapters = self._adapters()
        self._refuse_merged(adapters)
        adapters.delete(_names(adapter_names), model=self)
        if not adapters.named:
            adapters.leave(self)

    # Merging

    def merge_adapter(self) -> None:
        """Put the active adapters into the weights: as fast as the base, and saved as a whole model.

        `unmerge_adapter` gives the base's weights back, which are kept until then.

        Raises:
            InputError: the adapters are disabled, or merged already.
        """
        adapters = self._adapters()
        self._refuse_merged(adapters)
        if not adapters.enabled:
            raise InputError("The adapters are disabled: call enable_adapters() before they are merged.")
        adapters.merge(self)

    def unmerge_adapter(self) -> None:
        """Take the adapters out of the weights again: the base's are as they were, bit for bit."""
        self._adapters().unmerge(self)

    def merge_and_unload(self) -> Any:
        """This model, with its active adapters in the weights and no adapter any more."""
        adapters = self._adapters()
        if not adapters.merged:
            self.merge_adapter()
        adapters.leave(self)
        return self

    def unload(self) -> Any:
        """This model, without any adapter."""
        self.delete_adapter(list(self._adapters().named))
        return self

    # Saving

    def get_adapter_state_dict(self, adapter_name: str | None = None) -> dict[str, Tensor]:
        """The tensors of an adapter under the Hub's names, as in PEFT's files but for their prefix; those of
        the first active one, where no name is given."""
        adapters = self._adapters()
        adapter = adapters.adapter(adapters.active[0] if adapter_name is None else adapter_name)
        return files.tensors_of(adapter, places_of(self))

    def save_adapter(self, save_directory: str | PathLike[str], adapter_name: str | None = None) -> None:
        """Write one adapter into a folder, as PEFT does; the only active one, where no name is given.

        Raises:
            InputError: there is none of that name, or several are active.
        """
        active = self.active_adapters()
        if adapter_name is None and len(active) > 1:
            raise InputError(f"The adapters {active} are active: say which to save, with adapter_name=.")
        if not self.name_or_path:
            _log.warning("The adapter is saved without the name of its base, which was built in memory.")
        files.save(self, Path(save_directory), name=active[0] if adapter_name is None else adapter_name)

    def _adapter_folders(self, folder: Path) -> dict[str, Path]:
        """Where each active adapter is saved: as PEFT, several in folders of their names, but for the first
        of all, "default"."""
        active = self.active_adapters()
        return {n: folder if n == FIRST or len(active) == 1 else folder / n for n in active}

    def saves_adapters(self) -> bool:
        """Whether `save_pretrained` writes adapters rather than a whole model.

        Raises:
            InputError: the adapters belong to a part of this model, or to another that shares its body.
        """
        adapters = adapters_of(self)
        if adapters is None and is_adapted(self):
            raise InputError(
                f"Parts of this {type(self).__name__} have adapters that it does not know. Save the model "
                "that they were added to, or merge them first."
            )
        return adapters is not None and not adapters.merged

    def adapter_holds(self, parameter: str) -> bool:
        """Whether an active adapter has that parameter of ours for itself."""
        return any(parameter in one.replaced() for one in self._adapters().in_use())

    def reload_adapters(self, folder: str | PathLike[str]) -> None:
        """Copy what `save_pretrained` wrote into the active adapters, which an optimizer may hold already.

        Raises:
            CheckpointError: the folder holds other adapters than these.
        """
        places, adapters = places_of(self), self._adapters()
        for name, place in self._adapter_folders(Path(folder)).items():
            adapter = adapters.adapter(name)
            paths = [place / file for file in (files.CONFIG, files.WEIGHTS)]
            for path in paths:
                if not path.is_file():
                    raise CheckpointError(f"{path} is missing: expected the adapter {name!r}.")
            config, said = files.read_config(paths[0]), f"The adapter in {paths[1]}"
            now = adapter.config
            same = {"base_model_name_or_path", "revision", "inference_mode"}
            changed = [
                f"{key} was {value!r} and is {getattr(now, key)!r}"
                for key, value in config.to_dict().items()
                if key not in same and getattr(now, key) != value
            ]
            if changed:
                raise CheckpointError(f"{said} is another: {'; '.join(changed)}. Resume with the same one.")
            tensors = files.read_tensors(paths[1])
            files.fill(adapter, tensors, model=self, places=places, where=said)

    def print_trainable_parameters(self) -> None:
        """How many parameters are trained, of how many."""
        trained = sum(p.numel() for p in self.parameters() if p.requires_grad)
        every = sum(p.numel() for p in self.parameters())
        share = 100 * trained / every
        print(f"trainable params: {trained:,} || all params: {every:,} || trainable%: {share:.4f}")

    def _adapters(self) -> Adapters:
        found = adapters_of(self)
        if found is None:
            raise InputError("This model has no adapter: call add_adapter or load_adapter first.")
        return found

    def _refuse_merged(self, adapters: Adapters) -> None:
        if adapters.merged:
            raise InputError("The adapters are merged into the weights: call unmerge_adapter() first.")


def _given(
    tensors: Mapping[str, Tensor], config: LoraConfig | Mapping[str, Any] | None
) -> tuple[LoraConfig, dict[str, Tensor]]:
    """An adapter that is in memory, as if it had been read."""
    if config is None:
        raise InputError("adapter_state_dict= needs peft_config=, which says how it is to be read.")
    known = config if isinstance(config, LoraConfig) else LoraConfig.from_dict(config)
    return known, {name.removeprefix(files.PREFIX): tensor for name, tensor in tensors.items()}


def _names(given: str | Sequence[str]) -> list[str]:
    return [given] if isinstance(given, str) else list(given)
