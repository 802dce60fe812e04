"""Detect behavioural drift in software built on language models."""

__version__ = "0.1.0"
