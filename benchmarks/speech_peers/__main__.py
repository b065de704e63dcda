"""See the package."""

import sys

from benchmarks.speech_peers import main

main(sys.argv[1:])
