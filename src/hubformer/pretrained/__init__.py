"""The public skin: configurations, models and tokenizers by name, from a folder or the Hub."""
