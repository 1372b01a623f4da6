"""How weights are called on the Hub and here, how their files are read, and how they are written."""
