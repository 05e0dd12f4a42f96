-- /// query
-- title = "Signature coverage"
-- description = "Images and indexes of each repository by evidence of a signature, artifacts left out. The levels are told apart, since each proves something else: a record, a claim for this digest, conditions somebody set to True, a signed index that lists the image."
-- value = "Which publishers sign, and how far that reaches: an index may be signed and its children not."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- registry = "Registry host; null for the images without a reference."
-- repository = "Repository path; null for the images without a reference."
-- image_count = "Images and indexes, artifacts left out."
-- signed_count = "Those with a signature recorded."
-- unsigned_count = "Those without one; not proof that no signature exists elsewhere."
-- for_image_count = "Those with a signature that claims their digest."
-- trusted_count = "Those with newest Trusted and ForImage conditions True: a claim, not proof."
-- via_index_count = "Those without a signature of their own that a signed index lists."
-- managed_count = "Those pushed to the integrated registry, for which the cluster fetches no signatures."
-- signed_share = "Signed over all."
-- ///
SELECT
    i.cluster,
    i.snapshot_id,
    i.registry,
    i.repository,
    count(*) AS image_count,
    count(*) FILTER (WHERE i.is_signed) AS signed_count,
    count(*) FILTER (WHERE NOT i.is_signed) AS unsigned_count,
    count(*) FILTER (WHERE i.has_signature_for_it) AS for_image_count,
    count(*) FILTER (WHERE i.is_trusted) AS trusted_count,
    count(*) FILTER (WHERE NOT i.is_signed AND i.is_signed_via_index) AS via_index_count,
    count(*) FILTER (WHERE i.is_managed) AS managed_count,
    round(CAST(count(*) FILTER (WHERE i.is_signed) AS DOUBLE) / nullif(count(*), 0), 4) AS signed_share
FROM images AS i
WHERE i.kind <> 'artifact'
GROUP BY
    i.cluster,
    i.snapshot_id,
    i.registry,
    i.repository
ORDER BY
    i.cluster,
    i.snapshot_id,
    i.registry NULLS FIRST,
    i.repository NULLS FIRST
