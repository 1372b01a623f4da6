"""Repositories: opening one at one commit, getting its files, and pushing a folder back.

The only package that knows huggingface_hub, and it imports it inside functions: a local folder, or a file
that is cached at a known commit, is read without it.
"""

from __future__ import annotations

from hubformer.hub.card import push_folder, read_card, write_card
from hubformer.hub.fetch import HubUnreachable
from hubformer.hub.repo import Repo, open_repo

__all__ = ["HubUnreachable", "Repo", "open_repo", "push_folder", "read_card", "write_card"]
