"""What must be true after the rounds, whoever redeemed: every redemption is there once, and the books agree."""

import contextlib
import io

from django.core.management import CommandError, call_command, get_commands
from django.db import connection

# What each question counts is a violation; true statements count nothing.
QUESTIONS = {
    "codes whose redemptions differ from their attempts": """
        SELECT COUNT(*) FROM (
            SELECT c.id FROM codes_code c LEFT JOIN codes_attempt a ON a.code_id = c.id AND a.outcome = 'redeemed'
            GROUP BY c.id, c.redemptions HAVING c.redemptions <> COUNT(a.id)
        ) differing""",
    "codes used more often than allowed, or used up and not marked": """
        SELECT COUNT(*) FROM codes_code WHERE uses > max_uses OR (uses = max_uses) <> (state = 'used_up')""",
    "redemptions without exactly one booking of the code's worth": """
        SELECT COUNT(*) FROM (
            SELECT a.id FROM codes_attempt a
            JOIN codes_code c ON c.id = a.code_id JOIN codes_terms t ON t.id = c.terms_id
            LEFT JOIN ledger_transfer x ON x.transaction_id = a.ledger_transaction_id AND x.amount = t.value
            WHERE a.outcome = 'redeemed' GROUP BY a.id HAVING COUNT(x.id) <> 1
        ) unbooked""",
    "redemptions without a receipt mail": """
        SELECT COUNT(*) FROM codes_attempt a LEFT JOIN codes_receiptmail m ON m.attempt_id = a.id
        WHERE a.outcome = 'redeemed' AND m.attempt_id IS NULL""",
    "balances that differ from their transfers": """
        SELECT COUNT(*) FROM ledger_ledgeraccount a LEFT JOIN (
            SELECT account, SUM(net) AS net FROM (
                SELECT credit_account_id AS account, amount AS net FROM ledger_transfer
                UNION ALL SELECT debit_account_id, -amount FROM ledger_transfer
            ) legs GROUP BY account
        ) m ON m.account = a.id WHERE a.balance IS NOT NULL AND a.balance <> COALESCE(m.net, 0)""",
    "attempts that were refused": "SELECT COUNT(*) FROM codes_attempt WHERE outcome <> 'redeemed'",
}


def find_violations(redeemed: int) -> list[str]:
    """What is not as it must be, in words; ``redeemed`` is how many redemptions were answered as done."""
    violations = []
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET statement_timeout = 0")  # These read everything, which no request may.
        cursor.execute("SELECT COUNT(*) FROM codes_attempt WHERE outcome = 'redeemed'")
        stored = cursor.fetchone()[0]
        if stored != redeemed:
            violations.append(f"{redeemed} redemptions were answered as done, and {stored} are stored")
        for what, question in QUESTIONS.items():
            cursor.execute(question)
            found = cursor.fetchone()[0]
            if found:
                violations.append(f"{found} {what}")
    return violations + ask_the_platform()


def ask_the_platform() -> list[str]:
    """What the platform's own proof says, where there is one."""
    if "check_invariants" not in get_commands():
        return []
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            call_command("check_invariants", stdout=said, stderr=said)
    except (CommandError, SystemExit) as ended:
        if not isinstance(ended, SystemExit) or ended.code:
            return [f"check_invariants: {ended} {said.getvalue()}".strip()]
    return []
