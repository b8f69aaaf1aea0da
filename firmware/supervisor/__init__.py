"""A process of its own that watches the stop contact and the box: whatever the box does, a press
reaches the wire, and no call stays up without a program that watches it.

It shares nothing with the decision loop: no thread, no lock, no interpreter. It imports little, so
that it is up long before the box is, and it knows no people, no consents and no clips.
"""
