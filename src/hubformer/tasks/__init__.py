"""One file per task: what its examples are, how they are encoded, decoded and measured."""

from hubformer.tasks.base import EncodedBatch, Task, TaskMetrics

__all__ = ["EncodedBatch", "Task", "TaskMetrics"]
