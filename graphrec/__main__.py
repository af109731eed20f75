"""``python -m graphrec`` is the ``graphrec`` program."""

from graphrec.cli.app import main

if __name__ == "__main__":
    main()
