"""The demonstration: the whole real box, on simulated modems, with people made up from a seed."""
