"""`python -m football COMMAND`."""

if __name__ == "__main__":  # uvicorn's workers import this module again, under another name, and need none of it
    import sys

    from football.cli import main

    sys.exit(main())
