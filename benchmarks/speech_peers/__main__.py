"""See the package."""

import sys

from speech_peers import main

main(sys.argv[1:])
