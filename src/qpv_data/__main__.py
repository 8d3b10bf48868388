"""`python -m qpv_data`."""

from qpv_data.cli import main

if __name__ == "__main__":
    main()
