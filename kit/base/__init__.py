"""What methods are made of: their contract, their context, and what several of them share."""
