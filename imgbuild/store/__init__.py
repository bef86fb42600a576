"""The store: bytes by their digest, what is known of them, what was paid for, and who holds the project."""
