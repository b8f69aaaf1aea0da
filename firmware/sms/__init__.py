"""Text messages as the network delivers them: bits to text, parts to a whole. Sans I/O."""
