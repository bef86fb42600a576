"""What an image says of itself: written so that other tools read it, and read back whoever wrote it."""
