"""The README of a model: reading what it says about itself, writing a short one, and pushing a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hubformer.errors import HubError
from hubformer.hub.fetch import Source, first_line, from_transport, reason_of, refuse_failure, switched_on
from hubformer.storage import write_file

_README = "README.md"
_LONGEST_README = 1 << 20  # in bytes; the front matter stands at its start


def read_card(folder: str | os.PathLike[str]) -> Mapping[str, Any]:
    """The front matter of a folder's README (license, tags, pipeline_tag, …); empty if there is none.

    A broken front matter reads as empty too: it describes the model, and never keeps it from loading.
    """
    import yaml  # type: ignore[import-untyped]

    try:
        with open(Path(folder) / _README, "rb") as file:
            text = file.read(_LONGEST_README).decode(errors="replace").lstrip("\ufeff")
    except OSError:
        return {}
    lines = text.splitlines()
    if not lines or lines[0].rstrip() != "---":
        return {}
    ends = [number for number, line in enumerate(lines) if number and line.rstrip() == "---"]
    if not ends:
        return {}
    try:
        found = yaml.safe_load("\n".join(lines[1 : ends[0]]))
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def write_card(
    folder: str | os.PathLike[str],
    *,
    title: str = "",
    license: str | None = None,
    tags: Sequence[str] = (),
    pipeline_tag: str | None = None,
    text: str = "",
) -> Path:
    """Write a short README with front matter. The Hub shows it, and finds the model by it.

    A README that is already there is left alone: its author knows more. Returns its path.

    Raises:
        OSError: the folder cannot be written to.
    """
    import yaml

    path = Path(folder) / _README
    if path.exists():
        return path
    front: dict[str, Any] = {"library_name": "hubformer"}
    front |= {key: value for key, value in (("license", license), ("pipeline_tag", pipeline_tag)) if value}
    if tags:
        front["tags"] = list(tags)
    head = yaml.safe_dump(front, sort_keys=False, allow_unicode=True)
    body = f"# {title or Path(folder).resolve().name}\n" + (f"\n{text.strip()}\n" if text.strip() else "")
    write_file(path, f"---\n{head}---\n\n{body}")
    return path


def push_folder(
    folder: str | os.PathLike[str],
    repo_id: str,
    *,
    commit_message: str = "Upload with hubformer",
    private: bool | None = None,
    token: str | bool | None = None,
    revision: str | None = None,
    create_pr: bool = False,
    leaving: Sequence[str] = (),
) -> str:
    """Push a folder to the Hub as one commit, creating the repository if needed; returns its address.

    Temporary and hidden files stay behind, and what the patterns of `leaving` match. Files that the
    repository holds already and the folder does not are left there.

    Raises:
        HubError: no such folder, no token, no permission, or the Hub does not answer.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise HubError(f"There is no such folder to push: {folder}.")
    if switched_on("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        raise HubError(f"{folder} cannot be pushed: HF_HUB_OFFLINE allows no request. Unset it.")
    source = Source(name=repo_id, revision=revision or "main", token=token)
    secret = source.secret
    if not secret:
        raise HubError(
            f"Pushing to {repo_id!r} on {source.endpoint} needs a token with write access. There is none; "
            "run `hf auth login`, set HF_TOKEN, or pass token=."
        )
    from huggingface_hub import HfApi

    api = HfApi(endpoint=source.endpoint, token=secret)
    try:
        with _quiet():
            api.create_repo(repo_id, private=private, exist_ok=True)
            if revision is not None and not create_pr:
                api.create_branch(repo_id, branch=revision, exist_ok=True)
            done = api.upload_folder(
                repo_id=repo_id,
                folder_path=folder,
                commit_message=commit_message,
                revision=revision,
                create_pr=create_pr,
                ignore_patterns=[".*", "**/.*", "*.part", "**/__pycache__/**", *leaving],
            )
    except Exception as error:
        response = getattr(error, "response", None)
        if getattr(response, "status_code", 0) in (401, 403):
            said = response.headers.get("x-error-message", "") if response is not None else ""
            raise HubError(
                f"{source.endpoint} refuses the push to {repo_id!r}{': ' + said if said else ''}. The token "
                "needs write access to it; make one in your account's settings."
            ) from error
        if response is not None:
            refuse_failure(response, source, what="the push")
        if response is not None or from_transport(error):
            raise HubError(
                f"The push to {repo_id!r} on {source.endpoint} failed: {reason_of(error)}."
            ) from error
        if isinstance(error, ValueError):
            raise HubError(f"{folder} cannot be pushed to {repo_id!r}: {first_line(error)}.") from error
        raise
    return str(done.pr_url if create_pr and done.pr_url else done.commit_url)


@contextmanager
def _quiet() -> Iterator[None]:
    # huggingface_hub's upload functions have no argument for this: with telemetry on they ask a registry of
    # agents for their user-agent header, on the address that was set when they were imported.
    from huggingface_hub import constants

    before = constants.HF_HUB_DISABLE_TELEMETRY
    constants.HF_HUB_DISABLE_TELEMETRY = True
    try:
        yield
    finally:
        constants.HF_HUB_DISABLE_TELEMETRY = before
