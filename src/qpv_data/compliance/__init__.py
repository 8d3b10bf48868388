"""Compliance: what each clause promised, what came of it, and what to tell the partner."""
