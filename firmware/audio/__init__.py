"""The voice: clips, their framing and pacing, and the paths that carry them to the callee."""
