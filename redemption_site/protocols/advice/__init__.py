"""The redemption advice protocol: tills report redemptions that happened."""
