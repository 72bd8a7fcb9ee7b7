"""What a demonstration is made of. Every deed here may be done again: what is there already is left as it is."""
