"""``python -m graphrec`` is the ``graphrec`` program."""

from graphrec.cli import main

if __name__ == "__main__":
    main()
