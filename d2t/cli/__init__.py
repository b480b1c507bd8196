"""L10: the command line, one file per command."""
