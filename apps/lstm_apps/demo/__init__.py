"""The demo in the browser."""

from lstm_apps.demo.interface import launch as launch
