"""The parts of ``kit reproduce``: the runs, what is measured without runs, what is printed."""
