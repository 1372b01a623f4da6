"""GenerationConfig: in files, in older configurations, and as an object."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import hubformer
from hubformer.errors import ConfigError, InputError, UnknownArgument
from telling import END, TINY, Pair, prompts


def test_settings_live_beside_the_weights(pair: Pair, tmp_path: Any) -> None:
    assert pair.ours.generation_config.eos_token_id == END
    model = hubformer.GPT2LMHeadModel.from_pretrained(pair.folder)
    model.generation_config.update(do_sample=True, top_k=5)
    model.save_pretrained(tmp_path)
    again = hubformer.AutoModelForCausalLM.from_pretrained(tmp_path)
    assert again.generation_config == model.generation_config
    assert again.generation_config.top_k == 5
    import transformers

    theirs = transformers.GenerationConfig.from_pretrained(tmp_path)
    assert (theirs.do_sample, theirs.top_k, theirs.eos_token_id) == (True, 5, END)
    (tmp_path / "generation_config.json").write_text('{"temperature": 0.0, "max_new_tokens": 2}')
    cold = hubformer.GPT2LMHeadModel.from_pretrained(tmp_path)
    assert cold.generate(prompts(1, 3), eos_token_id=None).shape == (1, 5)  # nothing is sampled
    with pytest.raises(InputError, match=r"temperature is 0\.0"):
        cold.generate(prompts(1, 3), do_sample=True)
    (tmp_path / "generation_config.json").write_text("{")
    with pytest.raises(ConfigError, match="not valid JSON"):
        hubformer.GPT2LMHeadModel.from_pretrained(tmp_path)
    (tmp_path / "generation_config.json").write_text('{"top_h": 0.5, "future_setting": 1}')
    odd = hubformer.GPT2LMHeadModel.from_pretrained(tmp_path)
    assert "future_setting" in odd.generation_config.to_json_string()
    with pytest.raises(InputError, match=r"top_h=0\.5 is not supported yet"):
        odd.generate(prompts(1, 3))
    (tmp_path / "generation_config.json").unlink()
    assert hubformer.GPT2LMHeadModel.from_pretrained(tmp_path).generation_config.eos_token_id == END


def test_older_files_keep_settings_in_the_configuration() -> None:
    config = hubformer.GPT2Config(**TINY, max_length=9, no_repeat_ngram_size=1)
    model = hubformer.GPT2LMHeadModel(config).eval()
    assert model.generation_config.max_length == 9
    out = model.generate(prompts(1, 5), eos_token_id=None)
    assert out.shape[1] == 9
    assert len(set(out[0].tolist())) == 9


def test_a_generation_config_is_an_object_like_others() -> None:
    config = hubformer.GenerationConfig(top_k=4)
    for other in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert other == config
        assert other.top_k == 4
    assert config.num_beams == 1
    assert config.typical_p == 1.0
    assert config.update(top_p=0.5, nothing=3) == {"nothing": 3}
    assert config.to_diff_dict() == {"top_k": 4, "top_p": 0.5}
    with pytest.raises(UnknownArgument, match="Did you mean 'top_k'"):
        hubformer.GenerationConfig(topk=3)
    with pytest.raises(UnknownArgument, match="Did you mean 'num_beams'"):
        config.num_beam = 3
    with pytest.raises(AttributeError, match="no setting 'colour'"):
        _ = config.colour
