from __future__ import annotations

import pytest

from telling import Pair, shaken_pair


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    transformers = pytest.importorskip("transformers")
    transformers.logging.set_verbosity_error()
    return shaken_pair(transformers, tmp_path_factory.mktemp("gpt2"))
