"""Experiments: one TOML each, scripts that run whole tables, results with manifests, LOG.md."""
