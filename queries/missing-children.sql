-- /// query
-- title = "Missing children of indexes"
-- description = "Children that an index lists and whose Image is not in the snapshot: pruned, never imported, listed by digest of a nested index, or left out of a partial import. Attestations are included and marked."
-- value = "Which pulls by platform may fail, and how far the bytes of an index can be trusted."
-- digests = ["image_name", "child_digest"]
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- image_name = "Name of the index."
-- registry = "Registry of the index."
-- repository = "Repository of the index."
-- position = "Position of the child in the index, from 0."
-- child_digest = "Digest of the child: the name its Image would have."
-- platform = "Platform the index states for the child."
-- media_type = "Media type the index states for the child."
-- manifest_size_bytes = "Bytes of the child's manifest, if stated."
-- child_count = "Distinct children the index lists."
-- present_child_count = "Children of the index that are present."
-- is_attestation = "Whether the child is a build attestation, not an image."
-- ///
WITH children AS (
    SELECT
        m.cluster,
        m.snapshot_id,
        m.image_name,
        count(DISTINCT m.child_digest) AS child_count,
        count(DISTINCT CASE WHEN m.is_present THEN m.child_digest END) AS present_child_count
    FROM image_manifests AS m
    GROUP BY
        m.cluster,
        m.snapshot_id,
        m.image_name
)

SELECT
    m.cluster,
    m.snapshot_id,
    m.image_name,
    m.registry,
    m.repository,
    m.position,
    m.child_digest,
    m.platform,
    m.media_type,
    m.manifest_size_bytes,
    c.child_count,
    c.present_child_count,
    m.is_attestation
FROM image_manifests AS m
INNER JOIN children AS c
    ON
        c.cluster = m.cluster
        AND c.snapshot_id = m.snapshot_id
        AND c.image_name = m.image_name
WHERE NOT m.is_present
ORDER BY
    m.cluster,
    m.snapshot_id,
    m.image_name,
    m.position
