"""The web page over what is built: what it shows, who may ask for it, and how it learns of changes."""
