"""`python -m ventral` is the same as `ventral`."""

from ventral.cli.main import main

if __name__ == "__main__":
    main()
