"""Prefect flows over the package's steps. Nothing under src/ imports Prefect: only this folder does."""
