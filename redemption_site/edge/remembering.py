"""Who was verified within the last five seconds, for every kind of credential: kept below the edge, where persons need it too."""

from accounts.remembering import Remembered

__all__ = ["Remembered"]
