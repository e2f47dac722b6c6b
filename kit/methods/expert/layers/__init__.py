"""What experts are made of that torch has not."""
