"""``python -m d2t``: the command where its script is not on the path."""

from d2t.cli.main import main

if __name__ == "__main__":
    main()
