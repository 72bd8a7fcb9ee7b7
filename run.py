"""The one command of a fresh clone: ``python3 run.py demo`` and ``python3 run.py test``. Standard library only."""

import sys

# This file must parse on any Python, old ones too, or they would answer with a traceback instead of a sentence.
# So the rest of the command line is imported only after the version has been looked at.
OLDEST_PYTHON = (3, 11)


def refuse_old_python(version):
    """Return one sentence when this Python is too old to go on, else None."""
    if tuple(version[:2]) >= OLDEST_PYTHON:
        return None
    here = ".".join(str(part) for part in version[:3])
    return "Python 3.11 or newer is needed, and this is Python " + here + "; try: python3.11 run.py"


def main():
    """Return the exit code: 0 when what was asked for went well."""
    sentence = refuse_old_python(sys.version_info)
    if sentence:
        sys.stderr.write(sentence + "\n")
        return 1

    from deploy.local import command_line

    return command_line.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
