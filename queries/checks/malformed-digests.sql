-- /// check
-- title = "Malformed digests"
-- severity = "fail"
-- description = "Layers and children whose digest is missing or is not written as algorithm, colon and at least 32 hex digits."
-- value = "References that nothing can be pulled by."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the finding is in."
-- subject = "Name of the Image."
-- detail = "The layer or child and its digest."
-- ///
WITH digests AS (
    SELECT
        l.cluster,
        l.snapshot_id,
        l.image_name,
        l.position,
        l.layer_digest AS digest,
        'layer' AS part
    FROM image_layers AS l
    UNION ALL
    SELECT
        m.cluster,
        m.snapshot_id,
        m.image_name,
        m.position,
        m.child_digest AS digest,
        'child' AS part
    FROM image_manifests AS m
)

SELECT
    d.cluster,
    d.snapshot_id,
    d.image_name AS subject,
    d.part || ' at position ' || d.position || ': ' || coalesce(d.digest, 'missing') AS detail
FROM digests AS d
WHERE NOT coalesce(regexp_matches(d.digest, '^[A-Za-z0-9_+.-]+:[0-9a-fA-F]{32,}$'), FALSE)
ORDER BY
    d.cluster,
    d.snapshot_id,
    subject,
    detail
