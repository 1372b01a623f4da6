"""Writing text: `model.generate(...)` under v4's names, and the loop beneath it, one step at a time."""

from hubformer.generation.config import GenerationConfig
from hubformer.generation.generate import generate, steps
from hubformer.generation.named import (
    EosTokenCriteria,
    LogitsProcessor,
    LogitsProcessorList,
    MaxLengthCriteria,
    StoppingCriteria,
    StoppingCriteriaList,
)
from hubformer.generation.outputs import GenerateBeamDecoderOnlyOutput, GenerateDecoderOnlyOutput
from hubformer.generation.search import Answer, Beam, Greedy, Sample, Search, Step
from hubformer.generation.streamers import BaseStreamer, TextIteratorStreamer, TextStreamer
from hubformer.models.stepping import Prompt

__all__ = [
    "Answer",
    "BaseStreamer",
    "Beam",
    "EosTokenCriteria",
    "GenerateBeamDecoderOnlyOutput",
    "GenerateDecoderOnlyOutput",
    "GenerationConfig",
    "Greedy",
    "LogitsProcessor",
    "LogitsProcessorList",
    "MaxLengthCriteria",
    "Prompt",
    "Sample",
    "Search",
    "Step",
    "StoppingCriteria",
    "StoppingCriteriaList",
    "TextIteratorStreamer",
    "TextStreamer",
    "generate",
    "steps",
]
