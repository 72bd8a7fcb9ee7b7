"""How the platform is set up and kept running."""
