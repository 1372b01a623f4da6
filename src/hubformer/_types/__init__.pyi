"""The classes of families for mypy and editors; no such module runs."""
