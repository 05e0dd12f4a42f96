"""Where pages of bytes come from: a live API server, files, streams. Nothing behind a source knows which it was."""
