"""The model that ships with d2t."""
