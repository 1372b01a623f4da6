"""Adapters of one model: added, switched, merged, taken away, copied; and the base beneath them."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import hubformer
from adapters.pairs import CASES, EXACT, FAMILY_CASES, answers, away, base, batch, distance, ours, shaken
from cases import TINY
from hubformer import InputError, LoraConfig
from hubformer.adapters import Adapters, adapters_of
from hubformer.core import Linear
from hubformer.inference.engine import EncodedInput, Engine

pytest.importorskip("transformers")
BERT = CASES[0]
GPT2 = next(case for case in CASES if case.model_type == "gpt2")


@pytest.fixture
def model(tmp_path: Path) -> Any:
    """A BERT that classifies, shaken, in float64."""
    return ours(BERT, base(BERT, tmp_path / "base"))


@pytest.fixture
def without_dropout(model: Any) -> Any:
    """The same, where the adapter's dropout is the only one."""
    off = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return type(model).from_pretrained(model.name_or_path, dtype="float64", **off)


def added(model: Any, name: str = "default", *, seed: int = 5, **asked: Any) -> Any:
    model.add_adapter(LoraConfig(**{"target_modules": ["query", "value"], **asked}), name)
    torch.manual_seed(seed)
    return shaken(model, only_trained=True)


@pytest.mark.parametrize("case", FAMILY_CASES, ids=str)
def test_a_fresh_adapter_changes_nothing(case: Any, tmp_path: Path) -> None:
    model = ours(case, base(case, tmp_path / "base"))
    before = answers(model, batch(case))
    model.add_adapter(LoraConfig(**case.asked))
    assert away(answers(model, batch(case)), before) == 0


def test_only_the_adapter_is_trained(model: Any) -> None:
    model.add_adapter(LoraConfig(task_type="SEQ_CLS", lora_dropout=0.1))
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert trained
    assert all(name.startswith(("adapters.named.default.", "classifier.")) for name in trained)
    model(**batch(BERT, labelled=True)).loss.backward()
    assert {name for name, p in model.named_parameters() if p.grad is not None} == trained


def test_several_switch_and_the_base_stays(model: Any) -> None:
    given = batch(BERT)
    plain = answers(model, given)
    one = answers(added(model, "one"), given)
    two = answers(added(model, "two", seed=6, target_modules="all-linear", modules_to_save=["pooler"]), given)
    assert min(away(one, plain), away(two, plain), away(one, two)) > 1e-3
    assert model.active_adapters() == ["two"]
    for _ in range(2):
        model.set_adapter("one")
        assert away(answers(model, given), one) == 0
        model.disable_adapters()
        assert away(answers(model, given), plain) == 0
        assert not any(p.requires_grad for p in model.parameters())
        model.enable_adapters()
        assert away(answers(model, given), one) == 0
        model.set_adapter(["two"])
        assert away(answers(model, given), two) == 0
    model.set_adapter(["one", "two"])
    both = answers(model, given)
    assert min(away(both, one), away(both, two)) > 1e-3
    model.delete_adapter("one")
    assert model.active_adapters() == ["two"]
    assert away(answers(model, given), two) == 0


def test_together_is_the_sum(model: Any) -> None:
    """Of products: two halves of one adapter are the whole of it."""
    given = batch(BERT)
    whole = added(model, "whole", r=4, lora_alpha=4)
    expected, factors = answers(whole, given), model.get_adapter_state_dict()
    for name, part in (("first", slice(0, 2)), ("second", slice(2, 4))):
        half = {
            key: tensor[part].clone() if ".lora_A." in key else tensor[:, part].clone()
            for key, tensor in factors.items()
        }
        config = LoraConfig(r=2, lora_alpha=2, target_modules=["query", "value"])
        model.load_adapter(adapter_name=name, adapter_state_dict=half, peft_config=config)
    model.set_adapter(["second", "first"])
    assert away(answers(model, given), expected) <= EXACT


@pytest.mark.parametrize("bias", ["none", "all", "lora_only"])
def test_deleted_is_as_before(bias: str, model: Any) -> None:
    model.computation.body.embedding.requires_grad_(False)
    names = {name: p.requires_grad for name, p in model.named_parameters()}
    keys, plain = model.state_dict().keys(), answers(model, batch(BERT))
    added(model, bias=bias, modules_to_save=["classifier"])
    assert away(answers(model, batch(BERT)), plain) > 1e-3
    model.delete_adapter("default")
    assert away(answers(model, batch(BERT)), plain) == 0
    assert {name: p.requires_grad for name, p in model.named_parameters()} == names
    assert model.state_dict().keys() == keys
    assert adapters_of(model) is None
    assert all(m.backend is None for m in model.modules() if isinstance(m, Linear))
    added(model).unload()
    assert away(answers(model, batch(BERT)), plain) == 0


def test_an_adapter_of_its_own_biases_leaves_the_base_alone(model: Any) -> None:
    """PEFT trains the base's; here an adapter has copies, so that others do not see them."""
    given = batch(BERT)
    plain = answers(model, given)
    biased = answers(added(model, "biased", bias="all"), given)
    added(model, "plain")
    model.disable_adapters()
    assert away(answers(model, given), plain) == 0
    model.set_adapter("biased")
    assert away(answers(model, given), biased) == 0


def test_two_that_have_the_same_for_themselves_cannot_be_active_together(model: Any) -> None:
    added(model, "one", modules_to_save=["classifier"])
    added(model, "two", modules_to_save=["classifier"])
    with pytest.raises(InputError, match="'one' and 'two' both have their own classifier"):
        model.set_adapter(["one", "two"])
    assert model.active_adapters() == ["two"]


def test_merged(model: Any) -> None:
    given = batch(BERT)
    plain = answers(model, given)
    expected = answers(added(model, task_type="SEQ_CLS"), given)
    model.merge_adapter()
    assert away(answers(model, given), expected) <= EXACT
    assert not any(p.requires_grad for p in model.parameters())
    for call in (
        lambda: model.set_adapter("default"),
        lambda: model.disable_adapters(),
        lambda: model.delete_adapter("default"),
        lambda: model.merge_adapter(),
        lambda: model.add_adapter(LoraConfig(), "other"),
    ):
        with pytest.raises(InputError, match="unmerge_adapter"):
            call()
    model.unmerge_adapter()
    assert away(answers(model, given), expected) == 0
    model.disable_adapters()
    assert away(answers(model, given), plain) == 0
    with pytest.raises(InputError, match="disabled"):
        model.merge_adapter()


def test_an_unmerged_weight_follows_the_model(model: Any) -> None:
    added(model).merge_adapter()
    model.float()
    model.unmerge_adapter()
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    answers(model, batch(BERT))


# ---- as a module ------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["copied", "pickled"])
def test_a_copy_is_another_model(how: str, model: Any) -> None:
    given = batch(BERT)
    expected = answers(added(model, task_type="SEQ_CLS", bias="all"), given)
    twin = copy.deepcopy(model) if how == "copied" else pickle.loads(pickle.dumps(model))
    assert away(answers(twin, given), expected) == 0
    shared = {id(p) for p in model.parameters()} & {id(p) for p in twin.parameters()}
    assert not shared
    torch.manual_seed(1)
    shaken(twin, only_trained=True)
    assert away(answers(twin, given), expected) > 1e-3
    assert away(answers(model, given), expected) == 0
    twin.delete_adapter("default")
    assert away(answers(model, given), expected) == 0


def test_a_state_dict_holds_everything(model: Any) -> None:
    given = batch(BERT)
    twin = copy.deepcopy(model)
    expected = answers(added(model, task_type="SEQ_CLS", bias="lora_only"), given)
    twin.add_adapter(LoraConfig(target_modules=["query", "value"], task_type="SEQ_CLS", bias="lora_only"))
    twin.load_state_dict(model.state_dict())
    assert away(answers(twin, given), expected) == 0
    model.disable_adapters()
    twin.disable_adapters()
    assert away(answers(twin, given), answers(model, given)) == 0


def test_a_state_dict_of_another_active_adapter(model: Any) -> None:
    """The last word has the adapter, not the place that it was in."""
    given = batch(BERT)
    added(model, "one", modules_to_save=["classifier"])
    added(model, "two", seed=7, modules_to_save=["classifier"])
    twin = copy.deepcopy(model)
    torch.manual_seed(2)
    shaken(twin)
    model.set_adapter("one")
    one = answers(model, given)
    twin.load_state_dict(model.state_dict())  # in which "two" is active
    twin.set_adapter("one")
    assert away(answers(twin, given), one) == 0


def test_recomputed_activations_give_the_same_gradients(without_dropout: Any) -> None:
    model = added(without_dropout, task_type="SEQ_CLS").train()
    found = []
    for recomputed in (False, True):
        model.zero_grad()
        if recomputed:
            model.gradient_checkpointing_enable()
        model(**batch(BERT, labelled=True)).loss.backward()
        found.append({n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None})
    assert found[0].keys() == found[1].keys()
    assert all(distance(found[0][name], found[1][name]) <= 1e-12 for name in found[0])
    assert max(float(grad.abs().max()) for grad in found[0].values()) > 1e-3


def test_packed_rows_are_the_rows_alone(model: Any) -> None:
    added(model, target_modules="all-linear")
    generator = torch.Generator().manual_seed(3)
    rows = [torch.randint(6, 90, (length,), generator=generator).tolist() for length in (3, 9, 5, 9)]
    engine = Engine(model)
    assert engine.packs
    found = engine.run([EncodedInput(ids) for ids in rows])
    for ids, row in zip(rows, found, strict=True):
        assert distance(row, model(torch.tensor([ids])).logits[0]) <= EXACT


def test_cached_generation_is_that_of_the_merged_model(tmp_path: Path) -> None:
    model = ours(GPT2, base(GPT2, tmp_path / "base"))
    added(model, target_modules="all-linear")
    prompt = batch(GPT2)["input_ids"]
    asked: dict[str, Any] = {
        "max_new_tokens": 8,
        "do_sample": False,
        "attention_mask": torch.ones_like(prompt),
    }
    with torch.no_grad():
        found = model.generate(prompt, **asked)
        uncached = model.generate(prompt, use_cache=False, **asked)
        model.merge_adapter()
        assert torch.equal(found, model.generate(prompt, **asked))
    assert torch.equal(found, uncached)


def test_autocast_and_sixteen_bits(model: Any) -> None:
    given = batch(BERT, labelled=True)
    exact = answers(added(model), given)
    low = copy.deepcopy(model).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = low(**given).loss
        found = answers(low, given)
    assert 1e-6 < away(found, exact) < 0.5
    loss.backward()
    trained = [p for p in low.parameters() if p.requires_grad]
    assert {p.grad.dtype for p in trained if p.grad is not None} == {torch.float32}
    assert all(p.grad is not None for p in trained)
    half = hubformer.BertForSequenceClassification(model.config).eval()
    half.load_state_dict({n: p for n, p in model.state_dict().items() if not n.startswith("adapters.")})
    half.to(torch.bfloat16).add_adapter(LoraConfig(target_modules=["query", "value"]))
    factors = adapters_of(half)
    assert isinstance(factors, Adapters)
    assert {p.dtype for p in factors.named.parameters()} == {torch.float32}  # trained in full precision
    assert answers(half, given)["logits"].dtype == torch.bfloat16


def test_dropout_is_before_a(without_dropout: Any) -> None:
    """At the rate 1.0 nothing is left of the product while training, and all of it otherwise."""
    model, given = without_dropout, batch(BERT)
    plain = answers(model, given)
    added(model, lora_dropout=1.0)
    assert away(answers(model, given), plain) > 1e-3
    assert away(answers(model.train(), given), plain) <= EXACT


def test_it_compiles_as_one_graph(model: Any) -> None:
    given = batch(BERT)
    expected = answers(added(model, task_type="SEQ_CLS"), given)
    torch._dynamo.reset()
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    with torch.no_grad():
        assert distance(compiled(**given).logits, expected["logits"]) <= EXACT


def test_a_backend_below_is_asked(model: Any) -> None:
    """int8 weights, say: the adapter adds to what they give."""

    class Doubled:
        def __init__(self, linear: Linear) -> None:
            self.linear = linear

        def __call__(self, x: Any, *, activation: Any, add: Any) -> Any:
            assert activation is None
            assert add is None
            return 2 * self.linear.product(x)

    up = model.computation.body.stack.blocks[0].feed_forward.up
    x = torch.randn(3, up.in_features, dtype=torch.float64)
    up.backend = below = Doubled(up)
    model.add_adapter(LoraConfig(target_modules=["intermediate.dense"]))
    assert up.backend is not below
    expected = torch.nn.functional.gelu(2 * up.product(x))
    assert distance(up(x, activation="gelu"), expected) <= EXACT
    with pytest.raises(InputError, match="backend of its own"):
        model.merge_adapter()
    model.delete_adapter("default")
    assert up.backend is below


# ---- what cannot be ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"target_modules": ["quary"]}, "'quary', which this model does not have. Did you mean 'query'"),
        ({"target_modules": ["query", "quary"]}, "'quary'.*Did you mean 'query'"),
        ({"target_modules": r".*\.quary"}, "does not have"),
        ({"target_modules": ["word_embeddings"]}, "word_embeddings, which is a table of vectors"),
        ({"target_modules": ["query", "LayerNorm"]}, "LayerNorm, which is not one product"),
        ({"target_modules": ["query"], "layers_to_transform": [9]}, "left out by"),
        ({"target_modules": ["classifier"], "modules_to_save": ["classifier"]}, "left out by"),
        ({"modules_to_save": ["clasifier"]}, "'clasifier'.*Did you mean 'classifier'"),
    ],
    ids=str,
)
def test_modules_that_are_not_there(asked: dict[str, Any], said: str, model: Any) -> None:
    keys = model.state_dict().keys()
    with pytest.raises(InputError, match=said):
        model.add_adapter(LoraConfig(**asked))
    assert model.state_dict().keys() == keys
    assert all(p.requires_grad for p in model.parameters())


def test_tied_scores_are_no_module_here(tmp_path: Path) -> None:
    model = ours(GPT2, base(GPT2, tmp_path / "base"))
    with pytest.raises(InputError, match="lm_head, which is tied to transformer"):
        model.add_adapter(LoraConfig(target_modules=["lm_head", "c_attn"]))
    with pytest.raises(InputError, match=r"tied to.*Untie"):
        model.add_adapter(LoraConfig(modules_to_save=["wte"]))


def test_bare_parameters_of_xlnet_are_refused_by_name() -> None:
    model = hubformer.XLNetForSequenceClassification(hubformer.XLNetConfig(**TINY["xlnet"]))
    with pytest.raises(InputError, match=r"rel_attn\.q is a bare parameter.*'layer_1', 'layer_2'"):
        model.add_adapter(LoraConfig(target_modules=["q"]))
    with pytest.raises(InputError, match="XLNet has no target modules of its own"):
        model.add_adapter(LoraConfig())


def test_a_product_cut_along_its_inputs_is_refused() -> None:
    """XLNet's beams: one module of the Hub is two Linears here that share no input."""
    model = hubformer.XLNetForQuestionAnswering(hubformer.XLNetConfig(**TINY["xlnet"]))
    with pytest.raises(InputError, match=r"end_logits\.dense_0, which is not one product"):
        model.add_adapter(LoraConfig(target_modules=["dense_0"]))


@pytest.mark.parametrize("name", ["", "a.b", "a/b", "keys", "training", 3])
def test_a_name_that_cannot_be(name: Any, model: Any) -> None:
    with pytest.raises(InputError, match="cannot be called"):
        model.add_adapter(LoraConfig(), name)


def test_names_that_are_not_there(model: Any) -> None:
    for call in (model.active_adapters, model.disable_adapters, model.merge_adapter):
        with pytest.raises(InputError, match="call add_adapter or load_adapter first"):
            call()
    added(model, "german")
    with pytest.raises(InputError, match="'german' already"):
        added(model, "german")
    with pytest.raises(InputError, match=r"no adapter 'germen'. Did you mean 'german'"):
        model.set_adapter("germen")
    with pytest.raises(InputError, match="No adapter is named"):
        model.set_adapter([])
    with pytest.raises(InputError, match="expected a hubformer"):
        model.add_adapter({"r": 8})
    with pytest.raises(ValueError, match="no adapter 'x'"):  # as in v4
        model.delete_adapter("x")


def test_a_view_of_the_body_takes_none(model: Any) -> None:
    with pytest.raises(InputError, match="Add it to the whole model"):
        model.bert.add_adapter(LoraConfig())


def test_a_view_is_not_saved_without_the_adapter(model: Any, tmp_path: Path) -> None:
    plain = answers(model.bert, batch(BERT))
    added(model)
    assert away(answers(model.bert, batch(BERT)), plain) > 1e-3
    with pytest.raises(InputError, match="Save the model that they were added to"):
        model.bert.save_pretrained(tmp_path / "body")
    model.merge_adapter()
    model.bert.save_pretrained(tmp_path / "body")


def test_no_resizing_and_no_replacing_beneath_an_adapter(model: Any) -> None:
    added(model)
    with pytest.raises(InputError, match="Resize the vocabulary before"):
        model.resize_token_embeddings(120)
    with pytest.raises(InputError, match="has an adapter, which would be lost"):
        model.bert.encoder.layer[0].attention.self.query = nn.Linear(32, 32)


def test_an_attribute_of_that_name_is_the_users(tmp_path: Path) -> None:
    """It is saved like any other, and not written over."""

    class Mine(hubformer.BertForSequenceClassification):  # type: ignore[misc, name-defined]
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            self.adapters = nn.Linear(3, 3)

    model = Mine(hubformer.BertConfig(**TINY["bert"]))
    model.save_pretrained(tmp_path / "base")
    again = Mine.from_pretrained(tmp_path / "base")
    assert torch.equal(again.adapters.weight, model.adapters.weight)
    with pytest.raises(InputError, match="Mine has an attribute 'adapters' of its own"):
        again.add_adapter(LoraConfig())


def test_a_model_of_ones_own(tmp_path: Path) -> None:
    """Around a family's model: the adapter is the outer one's, under the names of its files."""

    class Mine(hubformer.BertPreTrainedModel):  # type: ignore[misc, name-defined]
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            self.bert = hubformer.BertModel(config)
            self.score = nn.Linear(config.hidden_size, 2)
            self.post_init()

        def forward(self, input_ids: Any) -> Any:
            return self.score(self.bert(input_ids).pooler_output)

    torch.manual_seed(0)
    config = hubformer.BertConfig(**TINY["bert"])
    model = shaken(Mine(config)).double()
    model.save_pretrained(tmp_path / "base")
    model = Mine.from_pretrained(tmp_path / "base", dtype="float64")
    ids = torch.tensor([[7, 8, 9]])
    plain = model(ids)
    model.add_adapter(LoraConfig(task_type="SEQ_CLS"))
    torch.manual_seed(1)
    shaken(model, only_trained=True)
    names = set(model.get_adapter_state_dict())
    assert "bert.encoder.layer.0.attention.self.query.lora_A.weight" in names
    assert {"score.weight", "score.bias"} < names
    expected = model(ids)
    assert distance(expected, plain) > 1e-3
    model.save_pretrained(tmp_path / "adapter")
    again = Mine.from_pretrained(tmp_path / "adapter", dtype="float64")
    assert distance(again(ids), expected) == 0
    inner = Mine.from_pretrained(tmp_path / "base", dtype="float64")
    inner.bert.add_adapter(LoraConfig())
    with pytest.raises(InputError, match="A part of this model has adapters"):
        inner.add_adapter(LoraConfig())
    with pytest.raises(InputError, match="Parts of this Mine have adapters"):
        inner.save_pretrained(tmp_path / "lost")
