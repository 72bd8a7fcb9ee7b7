"""Several processes that send what is due, told so fifty times: each receipt goes out once."""

import re
import time
from collections import Counter

import pytest

from codes.models import ReceiptMail
from deploy.local.processes import wait_until
from tests.races.crowd import done

pytestmark = pytest.mark.races


def ring_for_receipts(arena):
    """Redeem 32 codes and tell the workers fifty times to send receipts; answers a reading of how often each went out."""
    # Those of earlier races would only keep the workers busy.
    ReceiptMail.objects.filter(state="due").update(state="parked", error="of an earlier race")
    _, texts = arena.codes(32)
    asks = [arena.redeem(text, claimant) for text, claimant in zip(texts, arena.claimants, strict=False)]
    ids = {answer.transaction_id for answer in done(arena.all_at_once(asks))}
    assert len(ids) == 32

    def times_sent():
        files = (arena.platform.folder / "mail").glob("*")
        sent = re.findall(r"^Message-ID: <receipt\.(.+)@", "".join(path.read_text() for path in files), re.MULTILINE)
        return Counter(each for each in sent if each in ids)

    arena.ring("codes.send_receipts", times=50)
    return times_sent


def test_two_processes_are_told_fifty_times_to_send_32_receipts_and_each_goes_out_once(unguarded, guarded):
    with unguarded:
        times_sent = ring_for_receipts(unguarded)
        assert wait_until(lambda: max(times_sent().values(), default=0) > 1, seconds=20)

    with guarded:
        times_sent = ring_for_receipts(guarded)
        assert wait_until(lambda: not ReceiptMail.objects.filter(state="due").exists(), seconds=20)
        time.sleep(0.3)
        assert sorted(times_sent().values()) == [1] * 32
