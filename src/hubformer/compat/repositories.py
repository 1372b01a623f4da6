"""Files of repositories by v4's functions; they go through hubformer's own downloads."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hubformer.compat import V4_VERSION
from hubformer.errors import CheckpointError, HubError
from hubformer.hub import Repo, open_repo, push_folder

_WHERE = ("revision", "subfolder", "token", "cache_dir", "local_files_only", "force_download")


def cached_file(path_or_repo_id: str | os.PathLike[str], filename: str, **kwargs: Any) -> str | None:
    """The local path of one file of a folder or a repository; it is downloaded where it must be.

    Raises:
        HubError: it cannot be had; with `_raise_exceptions_for_missing_entries=False` a file that is not
            there is None.
    """
    required = bool(kwargs.get("_raise_exceptions_for_missing_entries", True))
    repo = _open(path_or_repo_id, kwargs)
    path = repo.file(filename, required=False)
    if path is None and required:
        raise HubError(f"{repo} has no file {filename!r}.")
    return None if path is None else str(path)


def has_file(path_or_repo: str | os.PathLike[str], filename: str, **kwargs: Any) -> bool:
    return _open(path_or_repo, kwargs).file(filename, required=False) is not None


def find_adapter_config_file(model_id: str | os.PathLike[str], **kwargs: Any) -> str | None:
    """The adapter_config.json of a folder or repository, or None."""
    try:
        path = _open(model_id, kwargs).file("adapter_config.json", required=False)
    except HubError:  # no such repository
        return None
    return None if path is None else str(path)


def get_checkpoint_shard_files(
    pretrained_model_name_or_path: str | os.PathLike[str], index_filename: str, **kwargs: Any
) -> tuple[list[str], dict[str, Any]]:
    """The files that an index names, in order, and what the index says."""
    index = json.loads(Path(index_filename).read_text("utf-8"))
    if "weight_map" not in index:
        raise CheckpointError(
            f"{index_filename} has no weight_map; expected the index of a sharded checkpoint."
        )
    shards = sorted(set(index["weight_map"].values()))
    repo = _open(pretrained_model_name_or_path, kwargs)
    paths = [str(repo.file(shard)) for shard in shards]
    about = {**index.get("metadata", {}), "all_checkpoint_keys": list(index["weight_map"])}
    return paths, {**about, "weight_map": dict(index["weight_map"])}


class PushToHubMixin:
    """For classes with `save_pretrained`: `push_to_hub("owner/name")` saves to a folder and uploads it."""

    def push_to_hub(
        self,
        repo_id: str,
        *,
        commit_message: str | None = None,
        private: bool | None = None,
        token: str | bool | None = None,
        revision: str | None = None,
        create_pr: bool = False,
        **kwargs: Any,
    ) -> str:
        """The address of the commit. Other keywords are handed to `save_pretrained`."""
        with TemporaryDirectory() as folder:
            self.save_pretrained(folder, **kwargs)  # type: ignore[attr-defined]
            return push_folder(
                folder,
                repo_id,
                commit_message=commit_message or f"Upload {type(self).__name__}",
                private=private,
                token=token,
                revision=revision,
                create_pr=create_pr,
            )


def http_user_agent(user_agent: dict[str, Any] | str | None = None) -> str:
    """Who asks, for requests to the Hub."""
    said = f"transformers/{V4_VERSION}; python/{platform.python_version()}"
    if isinstance(user_agent, dict):
        return "; ".join([said, *(f"{key}/{value}" for key, value in user_agent.items())])
    return f"{said}; {user_agent}" if user_agent else said


def _open(name: str | os.PathLike[str], named: dict[str, Any]) -> Repo:
    return open_repo(name, **{k: named[k] for k in _WHERE if named.get(k) is not None})
