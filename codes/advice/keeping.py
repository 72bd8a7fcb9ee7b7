"""What the database itself holds about advices: what was sent never changes, and a judgement only by another round."""

from accounts.triggers import Trigger, append_only

# Re-sealing under a new key may change the body and the text, and judging what follows from them.
FIXED = (
    "id", "site_id", "client_id", "venue_id", "received_at", "media", "redemption_type", "happened_at", "offset_minutes",
    "problem",
)  # fmt: skip
MUTABLE = ("raw", "text", "key_version", "outcome", "decided_at", "rounds", "attempt_id")

DECIDED = "a judged advice is judged again only in a new round, and only one that failed or whose text was unknown"
# A round more than before begins with no outcome; within a round an outcome comes once.
NOT_AS_DECIDED = """(NEW.rounds = OLD.rounds AND OLD.outcome <> ''
                     AND (NEW.outcome <> OLD.outcome OR COALESCE(NEW.attempt_id <> OLD.attempt_id, NEW.attempt_id IS NOT NULL
                                                                  OR OLD.attempt_id IS NOT NULL)))
                 OR (NEW.rounds <> OLD.rounds AND NOT (NEW.rounds = OLD.rounds + 1 AND NEW.outcome = ''
                                                       AND OLD.outcome IN ('failed', 'unknown_text')))"""
DECIDED_ONCE = Trigger(
    "codes_advice_decided_once",
    "codes_advice",
    f"""
    CREATE OR REPLACE FUNCTION codes_advice_decided_once() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '{DECIDED}' USING ERRCODE = 'check_violation'; END $$;
    CREATE TRIGGER codes_advice_decided_once BEFORE UPDATE OF outcome, rounds, attempt_id ON codes_advice FOR EACH ROW
    WHEN ({NOT_AS_DECIDED}) EXECUTE FUNCTION codes_advice_decided_once();
    """,
    (
        (
            "codes_advice_decided_once",
            f"""CREATE TRIGGER codes_advice_decided_once BEFORE UPDATE OF outcome, rounds, attempt_id ON codes_advice
            WHEN {NOT_AS_DECIDED}
            BEGIN SELECT RAISE(ABORT, '{DECIDED}'); END""",
        ),
    ),
)

TRIGGERS = (append_only("codes_advice", mutable=MUTABLE, columns=FIXED), DECIDED_ONCE)
