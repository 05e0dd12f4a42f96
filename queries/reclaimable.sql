-- /// query
-- title = "Reclaimable bytes"
-- description = "What deleting a set of Images would free: layers that no Image outside the set holds, the rule by which the cluster's pruner deletes blobs. Children of a selected index go with it unless an index that stays lists them. The first row is computed on the whole set; the rows of images do not add up to it, since images that share a layer free it only together. Without a criterion the set is empty; several criteria all have to hold."
-- value = "Whether a clean-up is worth it before anything is deleted, and who keeps the rest alive."
-- digests = ["images", "image_name"]
-- [params.images]
-- type = "VARCHAR[]"
-- optional = true
-- help = "Names of Images."
-- [params.repositories]
-- type = "VARCHAR[]"
-- optional = true
-- help = "Repositories, each as registry/path."
-- [params.min_age_days]
-- type = "INTEGER"
-- optional = true
-- help = "Images that the cluster first stored at least so many days before the snapshot."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- scope = "`set`: the whole set at once; `image`: one of its images."
-- image_name = "Name of the Image; null for the set."
-- registry = "Registry of the image; null for the set."
-- repository = "Repository of the image; null for the set."
-- kind = "`image` (artifacts included) or `index`; null for the set."
-- image_count = "Images of the set; 1 for an image."
-- added_child_count = "Images in the set because an index in it lists them and no other does."
-- kept_index_count = "Indexes that stay although they list a member: their pulls would fail for its platform."
-- logical_bytes = "Bytes of the distinct layers of each image, summed over images."
-- physical_bytes = "Bytes of the distinct layers, each once."
-- freed_bytes = "Set: bytes that go if all of it goes. Image: bytes of its layers that go with the set; not additive."
-- freed_alone_bytes = "Image: bytes that go if it goes alone (an index without its children frees none); null for the set."
-- freed_foreign_bytes = "Foreign bytes among freed_bytes: not in the registry anyway."
-- freed_managed_bytes = "Freed bytes that a pushed image of the set holds; the rest lies in the registry only where it mirrors imported images."
-- freed_config_bytes = "Bytes of config blobs that go, where they can be told."
-- kept_bytes = "Bytes that stay, because images outside the set hold the layers."
-- keeper_count = "Images outside the set that hold them; for an image, most that hold one of them."
-- keeper_repositories = "Repositories of such images by name, at most three for each layer; empty name for images without a reference."
-- is_managed = "Whether the image was pushed to the integrated registry first; null for the set."
-- ///
WITH chosen AS (
    SELECT
        o.cluster,
        o.snapshot_id,
        o.image_name
    FROM image_objects AS o
    INNER JOIN snapshots AS t USING (cluster, snapshot_id)
    WHERE
        ($images IS NOT NULL OR $repositories IS NOT NULL OR $min_age_days IS NOT NULL)
        AND ($images IS NULL OR list_contains(CAST($images AS VARCHAR[]), CAST(o.image_name AS VARCHAR)))
        AND (
            $repositories IS NULL
            OR list_contains(CAST($repositories AS VARCHAR[]), o.registry || '/' || o.repository)
        )
        AND (
            $min_age_days IS NULL
            OR date_diff('second', o.first_seen_at, t.taken_at) >= CAST($min_age_days AS BIGINT) * 86400
        )
),

edges AS (
    SELECT
        m.cluster,
        m.snapshot_id,
        m.image_name AS index_name,
        m.member_name AS image_name,
        m.is_index
    FROM index_members AS m
),

-- Nested indexes are settled before images, since an image may be listed by a nested index that goes as well.
going_indexes AS (
    SELECT
        c.cluster,
        c.snapshot_id,
        c.image_name
    FROM chosen AS c
    UNION
    SELECT
        e.cluster,
        e.snapshot_id,
        e.image_name
    FROM edges AS e
    LEFT JOIN chosen AS c
        ON c.cluster = e.cluster AND c.snapshot_id = e.snapshot_id AND c.image_name = e.index_name
    WHERE e.is_index
    GROUP BY e.cluster, e.snapshot_id, e.image_name
    HAVING bool_and(c.image_name IS NOT NULL)
),

-- Indexes that list an image, told apart by whether they go.
listings AS (
    SELECT
        e.cluster,
        e.snapshot_id,
        e.image_name,
        e.index_name,
        g.image_name IS NULL AS is_index_kept
    FROM edges AS e
    LEFT JOIN going_indexes AS g
        ON g.cluster = e.cluster AND g.snapshot_id = e.snapshot_id AND g.image_name = e.index_name
),

going AS (
    SELECT
        g.cluster,
        g.snapshot_id,
        g.image_name
    FROM going_indexes AS g
    UNION
    SELECT
        l.cluster,
        l.snapshot_id,
        l.image_name
    FROM listings AS l
    GROUP BY l.cluster, l.snapshot_id, l.image_name
    HAVING NOT bool_or(l.is_index_kept)
),

broken AS (
    SELECT
        l.cluster,
        l.snapshot_id,
        l.image_name,
        l.index_name
    FROM listings AS l
    INNER JOIN going AS g USING (cluster, snapshot_id, image_name)
    WHERE l.is_index_kept
),

members AS (
    SELECT
        o.cluster,
        o.snapshot_id,
        o.image_name,
        o.registry,
        o.repository,
        CASE WHEN o.is_index THEN 'index' ELSE 'image' END AS kind,
        o.is_managed,
        CASE WHEN c.image_name IS NULL THEN 1 ELSE 0 END AS added_child_count
    FROM going AS g
    INNER JOIN image_objects AS o USING (cluster, snapshot_id, image_name)
    LEFT JOIN chosen AS c USING (cluster, snapshot_id, image_name)
),

shared AS (
    SELECT
        b.cluster,
        b.snapshot_id,
        b.layer_digest
    FROM layers AS b
    WHERE b.reference_count > 1
),

-- A layer that is referred to once, as most are, goes with its only image: nothing has to be counted.
single_uses AS (
    SELECT
        l.cluster,
        l.snapshot_id,
        l.image_name,
        l.size_bytes,
        l.is_foreign,
        l.is_managed
    FROM image_layers AS l
    INNER JOIN going AS g USING (cluster, snapshot_id, image_name)
    LEFT JOIN shared AS s USING (cluster, snapshot_id, layer_digest)
    WHERE
        s.layer_digest IS NULL
        AND l.layer_digest IS NOT NULL
),

uses AS (
    SELECT
        l.cluster,
        l.snapshot_id,
        l.image_name,
        l.registry,
        l.repository,
        l.layer_digest,
        l.size_bytes,
        l.is_foreign,
        l.is_managed,
        g.image_name IS NOT NULL AS is_going
    FROM image_layers AS l
    INNER JOIN shared AS s USING (cluster, snapshot_id, layer_digest)
    LEFT JOIN going AS g USING (cluster, snapshot_id, image_name)
    WHERE NOT l.is_repeat
),

held AS (
    SELECT
        u.cluster,
        u.snapshot_id,
        u.layer_digest,
        u.registry,
        u.repository,
        max(u.size_bytes) AS size_bytes,
        count(*) FILTER (WHERE u.is_going) AS going_count,
        count(*) FILTER (WHERE NOT u.is_going) AS keeper_count,
        bool_and(u.is_foreign) AS is_foreign,
        bool_or(u.is_managed AND u.is_going) AS is_managed
    FROM uses AS u
    GROUP BY u.cluster, u.snapshot_id, u.layer_digest, u.registry, u.repository
),

touched AS (
    SELECT
        h.cluster,
        h.snapshot_id,
        h.layer_digest,
        max(h.size_bytes) AS size_bytes,
        CAST(sum(h.going_count) AS BIGINT) AS going_count,
        CAST(sum(h.keeper_count) AS BIGINT) AS keeper_count,
        bool_and(h.is_foreign) AS is_foreign,
        bool_or(h.is_managed) AS is_managed
    FROM held AS h
    GROUP BY h.cluster, h.snapshot_id, h.layer_digest
    HAVING sum(h.going_count) > 0
),

-- Each touched layer once for the set and once for every image of it that holds it; the set has no image name.
shares AS (
    SELECT
        t.cluster,
        t.snapshot_id,
        NULL AS image_name,
        t.size_bytes * t.going_count AS logical_bytes,
        t.size_bytes,
        t.keeper_count,
        t.is_foreign,
        t.is_managed,
        FALSE AS is_alone
    FROM touched AS t
    UNION ALL
    SELECT
        u.cluster,
        u.snapshot_id,
        u.image_name,
        u.size_bytes AS logical_bytes,
        t.size_bytes,
        t.keeper_count,
        t.is_foreign,
        t.is_managed,
        t.going_count + t.keeper_count = 1 AS is_alone
    FROM uses AS u
    INNER JOIN touched AS t USING (cluster, snapshot_id, layer_digest)
    WHERE u.is_going
    UNION ALL
    SELECT
        u.cluster,
        u.snapshot_id,
        NULL AS image_name,
        u.size_bytes AS logical_bytes,
        u.size_bytes,
        0 AS keeper_count,
        u.is_foreign,
        u.is_managed,
        FALSE AS is_alone
    FROM single_uses AS u
    UNION ALL
    SELECT
        u.cluster,
        u.snapshot_id,
        u.image_name,
        u.size_bytes AS logical_bytes,
        u.size_bytes,
        0 AS keeper_count,
        u.is_foreign,
        u.is_managed,
        TRUE AS is_alone
    FROM single_uses AS u
),

bytes AS (
    SELECT
        s.cluster,
        s.snapshot_id,
        s.image_name,
        sum(s.logical_bytes) AS logical_bytes,
        sum(s.size_bytes) AS physical_bytes,
        sum(CASE WHEN s.keeper_count = 0 THEN s.size_bytes ELSE 0 END) AS freed_bytes,
        sum(CASE WHEN s.is_alone THEN s.size_bytes ELSE 0 END) AS freed_alone_bytes,
        sum(CASE WHEN s.keeper_count = 0 AND s.is_foreign THEN s.size_bytes ELSE 0 END) AS freed_foreign_bytes,
        sum(CASE WHEN s.keeper_count = 0 AND s.is_managed THEN s.size_bytes ELSE 0 END) AS freed_managed_bytes,
        max(s.keeper_count) AS keeper_count
    FROM shares AS s
    GROUP BY s.cluster, s.snapshot_id, s.image_name
),

ranked_keepers AS (
    SELECT
        n.*,
        row_number() OVER (PARTITION BY n.cluster, n.snapshot_id, n.layer_digest ORDER BY n.repository) AS place
    FROM (
        SELECT
            h.cluster,
            h.snapshot_id,
            h.layer_digest,
            coalesce(h.registry || '/' || h.repository, '') AS repository
        FROM held AS h
        INNER JOIN touched AS t USING (cluster, snapshot_id, layer_digest)
        WHERE h.keeper_count > 0
    ) AS n
),

-- A base layer may be kept by thousands; three names for each layer bound the lists.
first_keepers AS (
    SELECT
        k.cluster,
        k.snapshot_id,
        k.layer_digest,
        k.repository
    FROM ranked_keepers AS k
    WHERE k.place <= 3
),

named_keepers AS (
    SELECT DISTINCT
        k.cluster,
        k.snapshot_id,
        NULL AS image_name,
        k.repository
    FROM first_keepers AS k
    UNION ALL
    SELECT DISTINCT
        u.cluster,
        u.snapshot_id,
        u.image_name,
        k.repository
    FROM uses AS u
    INNER JOIN first_keepers AS k USING (cluster, snapshot_id, layer_digest)
    WHERE u.is_going
),

names AS (
    SELECT
        k.cluster,
        k.snapshot_id,
        k.image_name,
        list_sort(array_agg(k.repository)) AS keeper_repositories
    FROM named_keepers AS k
    GROUP BY k.cluster, k.snapshot_id, k.image_name
),

set_keepers AS (
    SELECT
        u.cluster,
        u.snapshot_id,
        count(DISTINCT u.image_name) AS keeper_count
    FROM uses AS u
    INNER JOIN touched AS t USING (cluster, snapshot_id, layer_digest)
    WHERE NOT u.is_going
    GROUP BY u.cluster, u.snapshot_id
),

configs AS (
    SELECT
        s.cluster,
        s.snapshot_id,
        s.config_digest,
        max(s.config_bytes) AS config_bytes,
        count(*) = count(g.image_name) AS is_freed
    FROM image_sizes AS s
    LEFT JOIN going AS g USING (cluster, snapshot_id, image_name)
    WHERE s.config_digest IS NOT NULL
    GROUP BY s.cluster, s.snapshot_id, s.config_digest
),

config_uses AS (
    SELECT
        s.cluster,
        s.snapshot_id,
        s.image_name,
        c.config_bytes,
        c.is_freed
    FROM image_sizes AS s
    INNER JOIN going AS g USING (cluster, snapshot_id, image_name)
    INNER JOIN configs AS c USING (cluster, snapshot_id, config_digest)
),

set_configs AS (
    SELECT
        c.cluster,
        c.snapshot_id,
        sum(c.config_bytes) AS freed_config_bytes
    FROM configs AS c
    WHERE c.is_freed
    GROUP BY c.cluster, c.snapshot_id
),

set_members AS (
    SELECT
        m.cluster,
        m.snapshot_id,
        count(*) AS image_count,
        sum(m.added_child_count) AS added_child_count
    FROM members AS m
    GROUP BY m.cluster, m.snapshot_id
),

kept_indexes AS (
    SELECT
        b.cluster,
        b.snapshot_id,
        NULL AS image_name,
        count(DISTINCT b.index_name) AS kept_index_count
    FROM broken AS b
    GROUP BY b.cluster, b.snapshot_id
    UNION ALL
    SELECT
        b.cluster,
        b.snapshot_id,
        b.image_name,
        count(DISTINCT b.index_name) AS kept_index_count
    FROM broken AS b
    GROUP BY b.cluster, b.snapshot_id, b.image_name
),

scopes AS (
    SELECT
        t.cluster,
        t.snapshot_id,
        'set' AS scope,
        NULL AS image_name,
        NULL AS registry,
        NULL AS repository,
        NULL AS kind,
        coalesce(m.image_count, 0) AS image_count,
        coalesce(m.added_child_count, 0) AS added_child_count,
        c.freed_config_bytes,
        coalesce(k.keeper_count, 0) AS set_keeper_count,
        NULL AS is_managed
    FROM snapshots AS t
    LEFT JOIN set_members AS m USING (cluster, snapshot_id)
    LEFT JOIN set_configs AS c USING (cluster, snapshot_id)
    LEFT JOIN set_keepers AS k USING (cluster, snapshot_id)
    UNION ALL
    SELECT
        m.cluster,
        m.snapshot_id,
        'image' AS scope,
        m.image_name,
        m.registry,
        m.repository,
        m.kind,
        1 AS image_count,
        m.added_child_count,
        CASE WHEN c.is_freed THEN c.config_bytes END AS freed_config_bytes,
        NULL AS set_keeper_count,
        m.is_managed
    FROM members AS m
    LEFT JOIN config_uses AS c USING (cluster, snapshot_id, image_name)
)

SELECT
    s.cluster,
    s.snapshot_id,
    s.scope,
    s.image_name,
    s.registry,
    s.repository,
    s.kind,
    s.image_count,
    CAST(s.added_child_count AS BIGINT) AS added_child_count,
    coalesce(i.kept_index_count, 0) AS kept_index_count,
    CAST(coalesce(b.logical_bytes, 0) AS BIGINT) AS logical_bytes,
    CAST(coalesce(b.physical_bytes, 0) AS BIGINT) AS physical_bytes,
    CAST(coalesce(b.freed_bytes, 0) AS BIGINT) AS freed_bytes,
    CAST(CASE WHEN s.scope = 'image' THEN coalesce(b.freed_alone_bytes, 0) END AS BIGINT) AS freed_alone_bytes,
    CAST(coalesce(b.freed_foreign_bytes, 0) AS BIGINT) AS freed_foreign_bytes,
    CAST(coalesce(b.freed_managed_bytes, 0) AS BIGINT) AS freed_managed_bytes,
    CAST(coalesce(s.freed_config_bytes, 0) AS BIGINT) AS freed_config_bytes,
    CAST(coalesce(b.physical_bytes - b.freed_bytes, 0) AS BIGINT) AS kept_bytes,
    coalesce(s.set_keeper_count, b.keeper_count, 0) AS keeper_count,
    coalesce(n.keeper_repositories, CAST([] AS VARCHAR[])) AS keeper_repositories,
    s.is_managed
FROM scopes AS s
LEFT JOIN bytes AS b
    ON b.cluster = s.cluster AND b.snapshot_id = s.snapshot_id AND b.image_name IS NOT DISTINCT FROM s.image_name
LEFT JOIN names AS n
    ON n.cluster = s.cluster AND n.snapshot_id = s.snapshot_id AND n.image_name IS NOT DISTINCT FROM s.image_name
LEFT JOIN kept_indexes AS i
    ON i.cluster = s.cluster AND i.snapshot_id = s.snapshot_id AND i.image_name IS NOT DISTINCT FROM s.image_name
ORDER BY
    s.cluster,
    s.snapshot_id,
    s.scope DESC,
    freed_bytes DESC,
    s.image_name
