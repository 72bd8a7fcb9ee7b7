"""What every door of the site shares, and nothing about any one of them."""
