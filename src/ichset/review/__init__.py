"""Review: the readers' page over the same readings as the worklists."""
