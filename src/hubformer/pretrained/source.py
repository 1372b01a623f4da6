"""Where a model comes from: one repository at one commit, opened once and passed along."""

from __future__ import annotations

from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

from hubformer.errors import HubError, InputError
from hubformer.hub.repo import Repo, open_repo

# Arguments of from_pretrained that say where to look, with v4's older names for them.
WHERE = ("revision", "token", "cache_dir", "subfolder", "local_files_only", "force_download")
_OLD = {"use_auth_token": "token"}
# Accepted because code written for v4 passes them; what they asked for is always so, or no longer exists.
_WITHOUT_EFFECT = (
    "_from_auto",
    "_from_pipeline",
    "code_revision",
    "low_cpu_mem_usage",
    "resume_download",
    "trust_remote_code",
    "use_fast",
    "weights_only",
)
# Asked for something that is not done here, unless they are empty.
_REFUSED = {
    "from_flax": "weights of Flax are not read. Convert them to safetensors.",
    "from_tf": "weights of TensorFlow are not read. Convert them to safetensors.",
    "proxies": "proxies are taken from the environment: set HTTPS_PROXY.",
}


@dataclass(frozen=True)
class Source:
    """A repository that is open."""

    repo: Repo
    access: tuple[tuple[str, Any], ...] = ()  # the arguments that hold for other repositories too

    @staticmethod
    def of(name: str | PathLike[str] | Source, **where: Any) -> Source:
        """Open a folder or a repository of the Hub; a source that is already open is passed through."""
        if isinstance(name, Source):
            return name
        given = {key: value for key, value in where.items() if value is not None}
        access = tuple((key, value) for key, value in given.items() if key not in ("revision", "subfolder"))
        return Source(open_repo(name, **given), access)

    @staticmethod
    def options(named: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Split keyword arguments into those that say where to look, and the rest.

        Raises:
            InputError: an argument that v4 takes and that asks for what is not done here.
        """
        for key, remedy in _REFUSED.items():
            if named.get(key):
                raise InputError(f"from_pretrained got {key}={named[key]!r}, but {remedy}")
        rest = {
            _OLD.get(key, key): value
            for key, value in named.items()
            if key not in (*_WITHOUT_EFFECT, *_REFUSED)
        }
        where = {key: rest.pop(key) for key in WHERE if key in rest}
        return where, rest

    @property
    def name(self) -> str:
        return self.repo.name

    def beside(self, name: str, *, revision: str | None) -> Source:
        """Another repository, with the same token, cache and leave to download."""
        return Source.of(name, revision=revision, **dict(self.access))

    def within(self, folder: str) -> Source:
        """The same commit, seen from one of its folders."""
        return replace(self, repo=self.repo.within(folder))

    def file(self, name: str) -> Path:
        path = self.repo.file(name)
        if path is None:
            raise HubError(f"{self.repo} has no file {name!r}.")
        return path

    def optional(self, name: str) -> Path | None:
        return self.repo.file(name, required=False)
