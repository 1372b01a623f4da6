"""What every model that writes can do: `GenerationMixin`, under transformers 4's names."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from hubformer.errors import InputError


class GenerationMixin:
    """generate and what belongs to it. Every model has it; `can_generate()` says whether it writes."""

    def generate(self, inputs: Tensor | None = None, **named: Any) -> Any:
        """Continue token sequences. See hubformer.generation.generate for the arguments.

        Raises:
            InputError: the model has no head that writes text.
        """
        from hubformer.generation.generate import generate

        model: Any = self
        if not model.can_generate():
            raise InputError(
                f"{type(self).__name__} has no head that writes text. Load the model with "
                "AutoModelForCausalLM."
            )
        return generate(model, inputs, **named)

    def compute_transition_scores(
        self,
        sequences: Tensor,
        scores: tuple[Tensor, ...],
        beam_indices: Tensor | None = None,
        normalize_logits: bool = False,
    ) -> Tensor:
        """The score of each new token, (sequences, new tokens), from the `scores` that generate returns.

        beam_indices: those of beam search. normalize_logits: as log probabilities.
        """
        from hubformer.generation.outputs import transition_scores

        return transition_scores(sequences, scores, beam_indices=beam_indices, normalised=normalize_logits)

    def prepare_inputs_for_generation(
        self,
        input_ids: Tensor,
        past_key_values: Any = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        **named: Any,
    ) -> dict[str, Any]:
        """The arguments of the next forward pass: only the tokens that a cache does not hold.

        input_ids (sequences, length), and a mask over all of them.
        """
        past = 0 if past_key_values is None else past_key_values.get_seq_length()
        read: dict[str, Any] = {"input_ids": input_ids[:, past:]}
        if inputs_embeds is not None and not past:
            read = {"inputs_embeds": inputs_embeds}
        others = {"attention_mask": attention_mask, "past_key_values": past_key_values}
        given = {name: value for name, value in {**others, **named}.items() if value is not None}
        return {**read, **given}
