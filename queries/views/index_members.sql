-- An index inside an index stands for its own children, one level deep: builders nest no deeper. The nested index is a
-- member as well, so that its signature and absence can be told, and holds no layers itself.
WITH children AS (
    SELECT DISTINCT
        m.cluster,
        m.snapshot_id,
        m.image_name,
        m.child_digest,
        m.is_present_index
    FROM image_manifests AS m
    WHERE m.is_present
)

SELECT
    c.cluster,
    c.snapshot_id,
    c.image_name,
    c.child_digest AS member_name,
    c.is_present_index AS is_index
FROM children AS c
UNION
SELECT
    c.cluster,
    c.snapshot_id,
    c.image_name,
    g.child_digest AS member_name,
    g.is_present_index AS is_index
FROM children AS c
INNER JOIN children AS g
    ON
        g.cluster = c.cluster
        AND g.snapshot_id = c.snapshot_id
        AND g.image_name = c.child_digest
WHERE
    c.is_present_index
    -- A forged index may list its own parent.
    AND g.child_digest <> c.image_name
