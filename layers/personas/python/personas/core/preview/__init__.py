"""Previews: what a definition would come to if it were saved, told without saving it and without touching a profile."""
