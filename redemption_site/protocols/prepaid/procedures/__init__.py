"""The procedures, a file each; ``registry.py`` lists them."""
