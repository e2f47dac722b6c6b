"""Every cell of NAS-Bench-201 trained, and what that came to as a table."""
