"""Bodies and heads built from specs, and everything that hubformer knows of one family."""
