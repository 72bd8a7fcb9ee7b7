"""What the platform promises, tested as it is promised."""
