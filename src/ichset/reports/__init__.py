"""Reports: read them in, screen them, find haemorrhage by rules and classifier, make their text fit to leave."""
