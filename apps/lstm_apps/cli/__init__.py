"""The command line: ``lstm-models VERB …``."""

from lstm_apps.cli.entry_point import main as main
