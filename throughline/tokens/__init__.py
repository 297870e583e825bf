"""Windows of the tokens of running texts, by index: the tokens once, and a position a row."""
