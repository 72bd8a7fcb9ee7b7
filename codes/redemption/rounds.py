"""Why a list is judged once more: nothing was changed, and another round knows better."""


class JudgeAgain(Exception):
    """Somebody was faster, before a lock was had or between the judgement and the write; what they did can be read now."""


class BatchLockNeeded(Exception):
    """A code turned out to be of a batch that must be locked first: give everything up and start again with that lock."""

    def __init__(self, batch_ids: set[int]) -> None:
        super().__init__(batch_ids)
        self.batch_ids = batch_ids


class CountsDiffer(Exception):
    """A guarded write touched another number of rows than was judged under the lock: a bug alarm."""
