"""Metrics with their statistics, intervals and signatures."""
