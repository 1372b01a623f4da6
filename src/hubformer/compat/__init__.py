"""transformers 4.57's names and module paths for hubformer's objects, and the switch for unmodified code.

`table.py` is the data: v4's path -> where its names live. `finder.py` serves modules made from it, beside
hubformer's own. `switch.py` lets `import transformers` mean hubformer, in a process that asked for it. What
transformers has and hubformer has not imports as a stand-in (`stand_ins.py`) that says so when it is used.
"""

# The release whose names and answers these are.
V4_VERSION = "4.57.6"
