"""The AT language without any I/O: bytes to lines, lines to values, commands to replies."""
