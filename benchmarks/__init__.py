"""Measurements against scikit-learn and other engines, and the data they use. Run from the checkout's root."""
