"""The public skin: configurations, models and tokenizers by name, from a folder or the Hub.

The classes of families are registered first, so that whatever is imported from here finds them.
"""

from hubformer.pretrained import classes as classes
