"""A tokenizer's chat methods: conversations to prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hubformer.errors import InputError
from hubformer.tokenization import chat
from hubformer.tokenization.encoding import BatchEncoding
from hubformer.tokenization.special_tokens import SpecialTokens


class Conversation(SpecialTokens):
    """Chat templates, and what is made with them."""

    chat_template: Any

    def __call__(self, text: Any, *positional: Any, **named: Any) -> BatchEncoding:
        """Encode text; see PreTrainedTokenizerFast."""
        raise NotImplementedError

    def get_chat_template(self, chat_template: str | None = None, tools: Sequence[Any] | None = None) -> str:
        """The template that `apply_chat_template` would use: given by text or name, or its own.

        Raises:
            InputError: there is none, or several without a default.
        """
        own = self.chat_template
        if isinstance(own, Mapping):
            if chat_template is not None:
                return str(own.get(chat_template, chat_template))
            for name in ("tool_use", "default") if tools is not None else ("default",):
                if name in own:
                    return str(own[name])
            raise InputError(
                f"Pass chat_template= one of {', '.join(sorted(own))}: none of them is the default."
            )
        chosen = own if chat_template is None else chat_template
        if chosen is None:
            raise InputError(
                "This tokenizer has no chat template. Pass chat_template=..., or set "
                "tokenizer.chat_template; base "
                "models that were not trained on chats have none."
            )
        return str(chosen)

    def apply_chat_template(
        self,
        conversation: Any,
        tools: Sequence[Any] | None = None,
        documents: Sequence[Mapping[str, str]] | None = None,
        chat_template: str | None = None,
        add_generation_prompt: bool = False,
        continue_final_message: bool = False,
        tokenize: bool = True,
        padding: bool | str = False,
        truncation: bool | str = False,
        max_length: int | None = None,
        return_tensors: str | None = None,
        return_dict: bool = False,
        return_assistant_tokens_mask: bool = False,
        tokenizer_kwargs: Mapping[str, Any] | None = None,
        **template_variables: Any,
    ) -> Any:
        """A conversation (or several) as the model's prompt: ids, text (`tokenize=False`) or an encoding.

        Raises:
            InputError: the template or the conversation is wrong, or arguments exclude each other.
        """
        if return_dict and not tokenize:
            raise InputError("return_dict=True needs tokenize=True: a text has no dict of model inputs.")
        if return_assistant_tokens_mask and not return_dict:
            raise InputError("return_assistant_tokens_mask=True needs return_dict=True.")
        if continue_final_message and (add_generation_prompt or return_assistant_tokens_mask):
            raise InputError(
                "continue_final_message continues the last message: it excludes add_generation_prompt and "
                "return_assistant_tokens_mask."
            )
        template = self.get_chat_template(chat_template, tools)
        conversations, several = chat.checked_messages(conversation)
        variables = {
            **self.special_tokens_map,
            "tools": chat.checked_tools(tools),
            "documents": documents,
            "add_generation_prompt": add_generation_prompt,
            **template_variables,
        }
        rendered = [
            chat.render_chat(
                messages,
                template,
                variables=variables,
                continued=continue_final_message,
                spans=return_assistant_tokens_mask,
            )
            for messages in conversations
        ]
        texts: Any = [one.text for one in rendered] if several else rendered[0].text
        if not tokenize:
            return texts
        found = self(
            texts,
            padding=padding,
            truncation=truncation,
            max_length=max_length,
            add_special_tokens=False,
            **(tokenizer_kwargs or {}),
        )
        if return_assistant_tokens_mask:
            masks = [_assistant_mask(found, row, one.spans) for row, one in enumerate(rendered)]
            found["assistant_masks"] = masks if several else masks[0]
        found.convert_to_tensors(return_tensors, prepend_batch_axis=not several)
        return found if return_dict else found["input_ids"]


def _assistant_mask(found: BatchEncoding, row: int, spans: list[tuple[int, int]]) -> list[int]:
    encoding = found[row]
    mask = [0] * len(encoding)
    for place, (start, end) in enumerate(encoding.offsets):
        if start < end and any(first < end and start < last for first, last in spans):
            mask[place] = 1
    return mask
