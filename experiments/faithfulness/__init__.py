"""Experiments of the faithfulness methods; one module and one TOML each."""
