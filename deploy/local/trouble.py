"""What can go wrong outside the code, said so that a person can mend it."""


class Trouble(Exception):
    """Something the person at the keyboard can mend. Its text is one whole sentence, shown without a traceback."""
