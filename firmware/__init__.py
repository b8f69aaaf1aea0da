"""Everything that touches a wire: modems, audio, lamps and buttons. Decides nothing."""
