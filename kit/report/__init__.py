"""From results to tables. Nothing here trains, and the same results give the same bytes."""
