-- /// check
-- title = "References that don't parse"
-- severity = "warn"
-- description = "Images whose pull reference is missing, or names no repository, or one that no registry would take: over 255 characters or with characters outside a-z, 0-9 and the usual separators."
-- value = "Images that stand under a wrong repository, or under none, in figures by repository."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the finding is in."
-- subject = "Name of the Image."
-- detail = "The reference."
-- ///
SELECT
    o.cluster,
    o.snapshot_id,
    o.image_name AS subject,
    coalesce(o.reference, 'no reference') AS detail
FROM image_objects AS o
WHERE
    o.repository IS NULL
    OR length(o.repository) > 255
    OR NOT regexp_matches(o.repository, '^[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$')
ORDER BY
    o.cluster,
    o.snapshot_id,
    subject,
    detail
