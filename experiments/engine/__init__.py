"""What all experiments share.

- ``config``: ``Section``, the base of every experiment file; ``Section.read`` loads and checks one.
- ``steps``: results kept with the identity that they answer (``keep``, ``kept``, ``is_current``).
- ``processes``: jobs, each in a process of its own, and the lock on a folder.
- ``rows``: tables of trained models, their jobs and outputs.
- ``table``: Markdown tables and their cells.
- ``command``: the command line of an experiment on faithfulness.
"""
