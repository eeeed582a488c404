"""Anonymize: tags, pseudonyms, dates, face, in one pass per study; doubt keeps a study in the hospital."""
