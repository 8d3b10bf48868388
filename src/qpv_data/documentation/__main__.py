"""`python -m qpv_data.documentation clause|dictionnaire|catalogue|capture`: one page on standard output."""

from __future__ import annotations

import sys

from qpv_data.documentation.capture import capture
from qpv_data.documentation.catalogue import catalogue_page
from qpv_data.documentation.cles import clause_page
from qpv_data.documentation.dictionnaire import dictionary_page

PAGES = {"clause": clause_page, "dictionnaire": dictionary_page, "catalogue": catalogue_page, "capture": capture}


def main(arguments: list[str]) -> int:
    """Print the page asked for, always in UTF-8. Exit code 2 for any other word."""
    if len(arguments) != 1 or arguments[0] not in PAGES:
        sys.stderr.write(f"usage : python -m qpv_data.documentation {{{','.join(PAGES)}}}\n")
        return 2
    sys.stdout.buffer.write(PAGES[arguments[0]]().encode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
