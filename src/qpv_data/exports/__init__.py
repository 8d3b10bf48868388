"""What readers receive: files that other tools open."""
