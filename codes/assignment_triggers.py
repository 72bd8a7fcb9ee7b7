"""What the database itself holds about codes that were handed out: each is its claimant's own from then on, for good."""

from accounts.triggers import Trigger

THEIRS = "a code is handed out to its owner, on their site and from its batch"
STAYS_THEIRS = "a code that was handed out stays with its claimant"

# In one condition for both databases; the code's foreign key has been checked, or will be at the commit.
BELONGS = """EXISTS (
    SELECT 1 FROM codes_code c JOIN codes_batch b ON b.id = c.batch_id JOIN accounts_user u ON u.id = c.owner_id
    WHERE c.id = NEW.code_id AND c.owner_id = NEW.claimant_id AND c.batch_id = NEW.batch_id
      AND c.site_id = NEW.site_id AND b.site_id = NEW.site_id AND u.site_id = NEW.site_id)"""
OWNS_ANOTHER = (
    "EXISTS (SELECT 1 FROM codes_assignment WHERE code_id = NEW.id AND claimant_id IS DISTINCT FROM NEW.owner_id)"
)

HANDING_OUT = (
    Trigger(
        "codes_assignment_belongs",
        "codes_assignment",
        # After the statement, for the owner is set by the same one.
        f"""
        CREATE OR REPLACE FUNCTION codes_assignment_belongs() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT {BELONGS} THEN
                RAISE EXCEPTION '{THEIRS}' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END $$;
        CREATE TRIGGER codes_assignment_belongs AFTER INSERT ON codes_assignment
        FOR EACH ROW EXECUTE FUNCTION codes_assignment_belongs();
        """,
        (
            (
                "codes_assignment_belongs",
                f"""CREATE TRIGGER codes_assignment_belongs BEFORE INSERT ON codes_assignment WHEN NOT {BELONGS}
                BEGIN SELECT RAISE(ABORT, '{THEIRS}'); END""",
            ),
        ),
    ),
    Trigger(
        "codes_code_stays_theirs",
        "codes_code",
        # Only an update that names the owner asks: no redemption does.
        f"""
        CREATE OR REPLACE FUNCTION codes_code_stays_theirs() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF {OWNS_ANOTHER} THEN
                RAISE EXCEPTION '{STAYS_THEIRS}' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER codes_code_stays_theirs BEFORE UPDATE OF owner_id ON codes_code FOR EACH ROW
        WHEN (NEW.owner_id IS DISTINCT FROM OLD.owner_id)
        EXECUTE FUNCTION codes_code_stays_theirs();
        """,
        (
            (
                "codes_code_stays_theirs",
                f"""CREATE TRIGGER codes_code_stays_theirs BEFORE UPDATE OF owner_id ON codes_code
                WHEN NEW.owner_id IS NOT OLD.owner_id AND {OWNS_ANOTHER.replace("IS DISTINCT FROM", "IS NOT")}
                BEGIN SELECT RAISE(ABORT, '{STAYS_THEIRS}'); END""",
            ),
        ),
    ),
)
