"""The prepaid engine: shops call procedures by name over XML, and top up cash accounts with codes."""
