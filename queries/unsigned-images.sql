-- /// query
-- title = "Unsigned images"
-- description = "Images and indexes that lack evidence of a signature, at the level you ask for; artifacts are left out. Image objects hold only signatures recorded in the cluster: a cosign signature, or one in a signature store the cluster never reached, does not show here, so a row is no proof that an image is unsigned."
-- value = "Where a policy that asks for signatures would refuse images, and where to look for their signatures first."
-- [params.level]
-- type = "VARCHAR"
-- default = "record"
-- help = "record: no signature recorded; effective: neither on the image nor on an index that lists it; for-image: none that claims this digest; trusted: none with newest Trusted and ForImage conditions True."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- image_name = "Name of the Image."
-- registry = "Registry of the first importer."
-- repository = "Repository of the first importer; null without a reference."
-- kind = "`image` or `index`."
-- platform = "Platform of an image; null for an index."
-- signature_count = "Signatures recorded; above 0 only at stricter levels."
-- is_managed = "Whether it was pushed to the integrated registry; for other images the cluster tries to fetch signatures."
-- is_signed_via_index = "Whether an index that lists it has a signature recorded."
-- is_in_index = "Whether an index of the snapshot lists it; an image imported out of its index has lost the index's signature."
-- first_seen_at = "When the cluster first stored it."
-- ///
SELECT
    i.cluster,
    i.snapshot_id,
    i.image_name,
    i.registry,
    i.repository,
    i.kind,
    i.platform,
    i.signature_count,
    i.is_managed,
    i.is_signed_via_index,
    i.is_in_index,
    i.first_seen_at
FROM images AS i
WHERE
    i.kind <> 'artifact'
    AND CASE $level
        WHEN 'record' THEN NOT i.is_signed
        WHEN 'effective' THEN NOT i.is_signed AND NOT i.is_signed_via_index
        WHEN 'for-image' THEN NOT i.has_signature_for_it
        WHEN 'trusted' THEN NOT i.is_trusted
        ELSE error('level is record, effective, for-image or trusted')
    END
ORDER BY
    i.cluster,
    i.snapshot_id,
    i.registry NULLS FIRST,
    i.repository NULLS FIRST,
    i.image_name
