"""The static site of one audience's release."""
