"""image-indexer: what OpenShift Image objects occupy, share, run on and are signed by."""
