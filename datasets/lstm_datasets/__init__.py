"""The data that feeds the models: files are decoded, cleaned, turned into features and tokens, and batched.

A package of its own, not named ``datasets``: an installed top-level ``datasets`` would clash with Hugging Face's.
"""
