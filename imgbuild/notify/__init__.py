"""What a webhook is told when a build ends."""
