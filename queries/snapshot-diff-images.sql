-- /// query
-- title = "Difference of two snapshots, by image"
-- description = "Every image that came, went or changed between two snapshots. What an image adds or frees depends on what else holds its layers; snapshot-diff counts that. Without parameters the newest snapshot of each cluster is set against the one before it. Snapshots that are partial or not of one moment can't be compared; a row says so."
-- value = "What exactly happened in the cluster since last night."
-- reads = "sides"
-- [params.before]
-- type = "VARCHAR"
-- optional = true
-- help = "Id of the earlier snapshot; the one before the later by default."
-- [params.after]
-- type = "VARCHAR"
-- optional = true
-- help = "Id of the later snapshot; the newest of each cluster by default."
-- [columns]
-- cluster = "Cluster of the later snapshot."
-- before_snapshot_id = "The earlier snapshot."
-- after_snapshot_id = "The later snapshot."
-- change = "`added`, `removed` or `changed`; or why the named snapshot can't be compared: `partial`, `inconsistent` or `unknown`."
-- image_name = "Name of the Image."
-- registry = "Registry of the first importer."
-- repository = "Repository of the first importer; null without a reference."
-- reference_tag = "Tag in its reference, if any."
-- is_index = "Whether it is an index (manifest list)."
-- changed_fields = "What differs, by commas: `uid` (deleted and imported again), `resource_version`, `reference`, `layers`, `children`, `annotations`, `signatures`; null unless changed."
-- first_seen_at = "When the cluster first stored it."
-- ///
WITH pairs AS (
    SELECT
        a.cluster,
        b.cluster AS before_cluster,
        b.snapshot_id AS before_id,
        a.snapshot_id AS after_id
    FROM all_snapshots.snapshot_series AS a
    INNER JOIN all_snapshots.snapshot_series AS b
        ON b.snapshot_id = coalesce($before, a.previous_snapshot_id)
    WHERE
        a.state = 'compared'
        AND b.state = 'compared'
        AND (a.snapshot_id = $after OR ($after IS NULL AND a.is_newest))
        -- Both named, they may be of two clusters, such as one that was renamed.
        AND (a.cluster = b.cluster OR ($before IS NOT NULL AND $after IS NOT NULL))
),

sides AS (
    SELECT
        p.cluster,
        p.before_id,
        p.after_id,
        p.before_cluster AS read_cluster,
        p.before_id AS read_snapshot_id,
        FALSE AS is_after
    FROM pairs AS p
    UNION ALL
    SELECT
        p.cluster,
        p.before_id,
        p.after_id,
        p.cluster AS read_cluster,
        p.after_id AS read_snapshot_id,
        TRUE AS is_after
    FROM pairs AS p
),

objects AS (
    SELECT
        s.cluster,
        s.before_id,
        s.after_id,
        s.is_after,
        o.image_name,
        o.registry,
        o.repository,
        o.reference_tag,
        o.is_index,
        o.first_seen_at,
        o.uid,
        o.resource_version,
        o.reference,
        o.layers,
        o.children,
        o.annotations,
        o.signature_count
    FROM all_snapshots.image_objects AS o
    INNER JOIN sides AS s
        ON
            s.read_cluster = o.cluster
            AND s.read_snapshot_id = o.snapshot_id
),

objects_before AS (
    SELECT o.* FROM objects AS o
    WHERE NOT o.is_after
),

objects_after AS (
    SELECT o.* FROM objects AS o
    WHERE o.is_after
),

image_changes AS (
    SELECT
        coalesce(a.cluster, b.cluster) AS cluster,
        coalesce(a.before_id, b.before_id) AS before_snapshot_id,
        coalesce(a.after_id, b.after_id) AS after_snapshot_id,
        CASE WHEN b.image_name IS NULL THEN 'added' WHEN a.image_name IS NULL THEN 'removed' ELSE 'changed' END AS change,
        coalesce(a.image_name, b.image_name) AS image_name,
        CASE WHEN a.image_name IS NULL THEN b.registry ELSE a.registry END AS registry,
        CASE WHEN a.image_name IS NULL THEN b.repository ELSE a.repository END AS repository,
        CASE WHEN a.image_name IS NULL THEN b.reference_tag ELSE a.reference_tag END AS reference_tag,
        coalesce(a.is_index, b.is_index) AS is_index,
        concat_ws(
            ', ',
            CASE WHEN a.uid IS DISTINCT FROM b.uid THEN 'uid' END,
            CASE WHEN a.resource_version IS DISTINCT FROM b.resource_version THEN 'resource_version' END,
            CASE WHEN a.reference IS DISTINCT FROM b.reference THEN 'reference' END,
            CASE WHEN a.layers IS DISTINCT FROM b.layers THEN 'layers' END,
            CASE WHEN a.children IS DISTINCT FROM b.children THEN 'children' END,
            CASE WHEN list_sort(map_entries(a.annotations)) IS DISTINCT FROM list_sort(map_entries(b.annotations)) THEN 'annotations' END,
            CASE WHEN a.signature_count IS DISTINCT FROM b.signature_count THEN 'signatures' END
        ) AS changed_fields,
        CASE WHEN a.image_name IS NULL THEN b.first_seen_at ELSE a.first_seen_at END AS first_seen_at
    FROM objects_before AS b
    FULL JOIN objects_after AS a
        ON
            a.cluster = b.cluster
            AND a.before_id = b.before_id
            AND a.after_id = b.after_id
            AND a.image_name = b.image_name
),

named AS (
    SELECT CAST($before AS VARCHAR) AS snapshot_id
    UNION
    SELECT CAST($after AS VARCHAR) AS snapshot_id
),

answered AS (
    SELECT
        i.cluster,
        i.before_snapshot_id,
        i.after_snapshot_id,
        i.change,
        i.image_name,
        i.registry,
        i.repository,
        i.reference_tag,
        i.is_index,
        CASE WHEN i.change = 'changed' THEN i.changed_fields END AS changed_fields,
        i.first_seen_at
    FROM image_changes AS i
    WHERE
        i.change <> 'changed'
        OR i.changed_fields <> ''
    UNION ALL
    SELECT
        t.cluster,
        CASE WHEN n.snapshot_id = $before THEN n.snapshot_id END AS before_snapshot_id,
        CASE WHEN n.snapshot_id = $after THEN n.snapshot_id END AS after_snapshot_id,
        coalesce(t.state, 'unknown') AS change,
        NULL AS image_name,
        NULL AS registry,
        NULL AS repository,
        NULL AS reference_tag,
        NULL AS is_index,
        NULL AS changed_fields,
        NULL AS first_seen_at
    FROM named AS n
    LEFT JOIN all_snapshots.snapshot_series AS t ON t.snapshot_id = n.snapshot_id
    WHERE
        n.snapshot_id IS NOT NULL
        AND coalesce(t.state, 'unknown') <> 'compared'
)

SELECT a.*
FROM answered AS a
ORDER BY
    a.cluster NULLS FIRST,
    a.before_snapshot_id NULLS FIRST,
    a.after_snapshot_id NULLS FIRST,
    a.change,
    a.registry NULLS FIRST,
    a.repository NULLS FIRST,
    a.image_name
