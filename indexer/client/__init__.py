"""One list or watch of Images over a connection: requests, answers by type, retries, pages."""
