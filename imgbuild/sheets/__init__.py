"""Many pictures in one: contact sheets for people, sprite sheets with a map for programs."""
