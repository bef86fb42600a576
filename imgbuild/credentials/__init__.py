"""Content credentials (C2PA): what an image's history is, signed, so that others can check who says so."""
