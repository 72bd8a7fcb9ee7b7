"""Ad hoc redemption: tills and apps reserve a member's points, redeem them and void them, in sessions, over JSON."""
