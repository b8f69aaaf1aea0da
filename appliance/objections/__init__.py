"""What a text message says: whether its sender objects, in many languages and spellings. Pure."""
