"""`python -m sklort.cli`, for where the script is not on the path."""

import sys

from sklort.cli.app import main

sys.exit(main())
