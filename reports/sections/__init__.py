"""The parts of a page: one kind of evidence a module, as tables, pictures and words."""
