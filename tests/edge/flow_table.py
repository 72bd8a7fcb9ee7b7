"""Section 4 of the redemption flow, copied word for word: what the table of answers is held against."""

TABLE = """
unauthenticated | 401 | no | Sign in to redeem a code. | sign_in
unsupported_media_type | 415 | no | Send the request as JSON or as a form. | fix_request
request_malformed | 400 | no | The request could not be read. | fix_request
request_too_large | 413 | no | The request is too large. | fix_request
too_many_attempts | 429 | yes | Too many failed attempts. Try again later. | wait
idempotency_mismatch | 422 | no | This idempotency key was used with a different request. | use_new_key
service_unavailable | 503 | yes | Redemption is not available right now. Nothing was changed. | try_again
missing_code | 400 | no | Enter a code. | enter_code
missing_claimant | 400 | no | Say whom the code is for. | give_claimant
code_format_invalid | 400 | no | This does not look like a valid code. Check it and try again. | check_code
field_too_long | 400 | no | A field is too long. | fix_request
code_not_found | 404 | no | This code does not exist. | check_code
code_disabled | 409 | no | This code is switched off. | contact_support
code_not_yet_valid | 409 | yes | This code is not valid yet. | wait_until_start
code_expired | 410 | no | This code has expired. | contact_support
code_used_up | 409 | no | This code has already been used. | contact_support
code_reserved | 409 | yes | This code is being redeemed right now. | try_again
claimant_unknown | 404 | no | This account does not exist. | check_account
claimant_inactive | 403 | no | This account is not active. | contact_support
caller_not_allowed | 403 | no | You may not redeem for this account. | sign_in
not_entitled | 403 | no | This code belongs to another account. | contact_support
already_redeemed | 409 | no | You have already redeemed this code. | view_receipt
claimant_cap_reached | 409 | no | You have reached the limit for this offer. | none
campaign_cap_reached | 409 | no | This offer has been fully redeemed. | none
venue_not_allowed | 409 | no | This code cannot be used at this venue. | choose_venue
cooldown_active | 409 | yes | Wait before redeeming again. | wait
code_busy | 409 | yes | This code is being redeemed right now. | try_again
account_missing | 409 | no | There is no account to credit. | contact_support
account_locked | 409 | no | The account does not accept this booking. | contact_support
currency_mismatch | 409 | no | The code is in another currency than the account. | contact_support
insufficient_balance | 409 | no | The balance is too low. | top_up
target_missing | 409 | no | The offer behind this code no longer exists. | contact_support
action_failed | 502 | yes | The redemption could not be carried out. Nothing was changed. | try_again
action_timeout | 504 | yes | The redemption took too long. Nothing was changed. | try_again
concurrent_change | 409 | yes | The code changed while it was being redeemed. Nothing was changed. | try_again
audit_write_failed | 503 | yes | The redemption could not be recorded. Nothing was changed. | try_again
rollback_incomplete | 500 | no | The redemption failed and is being checked by hand. | contact_support
"""

# Reason → (status, retryable, message, next steps).
ROWS = {
    reason: (int(status), retry == "yes", message, [step])
    for reason, status, retry, message, step in (line.split(" | ") for line in TABLE.strip().splitlines())
}
STEPS = {
    1: (
        "receive",
        "unauthenticated unsupported_media_type request_malformed request_too_large too_many_attempts "
        "idempotency_mismatch service_unavailable",
    ),
    2: ("normalize", "missing_code missing_claimant code_format_invalid field_too_long"),
    3: ("lookup", "code_not_found"),
    4: ("verify_status", "code_disabled code_not_yet_valid code_expired code_used_up code_reserved"),
    5: ("authenticate_claimant", "claimant_unknown claimant_inactive caller_not_allowed not_entitled"),
    6: ("check_rules", "already_redeemed claimant_cap_reached campaign_cap_reached venue_not_allowed cooldown_active"),
    7: ("reserve", "code_busy"),
    8: (
        "execute",
        "account_missing account_locked currency_mismatch insufficient_balance target_missing action_failed "
        "action_timeout",
    ),
    9: ("mark_redeemed", "concurrent_change"),
    10: ("log_and_receipt", "audit_write_failed"),
    11: ("rollback_notify", "rollback_incomplete"),
}
STEP_OF = {reason: (number, name) for number, (name, reasons) in STEPS.items() for reason in reasons.split()}
CARRY_RETRY_AFTER = {"too_many_attempts", "service_unavailable", "audit_write_failed", "code_reserved", "code_busy"}
