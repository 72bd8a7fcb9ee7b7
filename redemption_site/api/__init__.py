"""Our own REST API under /api/v1/: redemptions, validations, reversals, batches and codes."""
