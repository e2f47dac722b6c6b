"""AMBER with ENAS: a controller learns which layers make good children."""
