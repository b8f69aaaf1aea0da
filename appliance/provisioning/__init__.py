"""Configuration that comes on a stick or on the boot partition: a folder, checked whole, applied
all or nothing.

A client of the box's operations like the command line. Whoever can plug in a stick can bring one,
so nothing in the folder is believed before it was copied, hashed and its signature verified.
"""
