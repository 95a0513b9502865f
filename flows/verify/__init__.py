"""Checking a finished round without trusting its maker."""
