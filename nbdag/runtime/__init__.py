"""Carries the core's actions out: drivers, attempts, capture, clock and timers."""
