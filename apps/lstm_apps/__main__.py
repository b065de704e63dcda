"""``python -m lstm_apps`` is the command ``lstm-models``."""

import sys

from lstm_apps.cli import main

sys.exit(main())
