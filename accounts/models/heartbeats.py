from django.db import models


class Heartbeat(models.Model):
    """The last sign of life of a background process; the supervisor replaces one that is silent for 30 s."""

    process = models.CharField(max_length=30, primary_key=True)
    beaten_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.process
