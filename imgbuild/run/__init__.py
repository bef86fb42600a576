"""One run over a plan: requests out, images back, finished, checked, accepted, and put in their places."""
