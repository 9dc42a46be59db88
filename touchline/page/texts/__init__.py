"""The catalogues of the page's texts: one .po file a language, read at the start."""
