"""`python -m ventral` is the same as `ventral`."""

from ventral.cli import main

if __name__ == "__main__":
    main()
