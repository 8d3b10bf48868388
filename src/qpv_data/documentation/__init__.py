"""The pages that follow from the code, written by the code: `python -m qpv_data.documentation <page>`."""
