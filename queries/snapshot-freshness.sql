-- /// query
-- title = "Freshness of the snapshots"
-- description = "One row a cluster of the store: how old its newest complete snapshot is, whether that is too old, and whether the cluster goes on under another name. Clusters are told apart by name; where the server showed an identity, two names of one identity are a renamed cluster, and two OAuth servers of one name are two clusters (or one that was installed anew)."
-- value = "Which clusters are missing tonight, before their old figures are taken for new ones."
-- [params.max_age_hours]
-- type = "DOUBLE"
-- default = 36
-- help = "Older than this is stale."
-- [params.as_of]
-- type = "TIMESTAMP WITH TIME ZONE"
-- optional = true
-- help = "Moment that ages are counted back from; now by default."
-- [columns]
-- cluster = "Cluster, by its name in the store."
-- snapshot_id = "Its newest complete snapshot; null when it has none."
-- taken_at = "When that was taken."
-- age_hours = "Hours since then."
-- is_stale = "Whether it is older than allowed, or there is none."
-- last_tried_at = "When its newest snapshot was taken, partial ones included."
-- snapshot_count = "Its snapshots in the store, partial ones included."
-- cluster_identity = "Identity the server last showed; null when it showed none."
-- identity_count = "Distinct OAuth servers the name has had: more than one is a name used for several clusters."
-- continued_as = "Name under which the same identity has a newer snapshot: the cluster was renamed."
-- ///
WITH named AS (
    SELECT
        s.cluster,
        max(s.taken_at) AS last_tried_at,
        max(CASE WHEN s.is_complete THEN s.taken_at END) AS taken_at,
        count(*) AS snapshot_count,
        max_by(s.cluster_identity, s.taken_at) FILTER (WHERE s.cluster_identity IS NOT NULL) AS cluster_identity,
        -- Other identities change with an address or a certificate authority: equal they prove something, different not.
        count(DISTINCT CASE WHEN s.cluster_identity LIKE 'issuer:%' THEN s.cluster_identity END) AS identity_count
    FROM all_snapshots.snapshots AS s
    GROUP BY s.cluster
),

newest AS (
    SELECT
        s.cluster,
        max_by(s.snapshot_id, s.taken_at) AS snapshot_id
    FROM all_snapshots.snapshots AS s
    WHERE s.is_complete
    GROUP BY s.cluster
),

followed AS (
    SELECT
        n.cluster,
        max_by(o.cluster, o.last_tried_at) AS continued_as
    FROM named AS n
    INNER JOIN named AS o
        ON
            o.cluster_identity = n.cluster_identity
            AND o.last_tried_at > n.last_tried_at
    GROUP BY n.cluster
),

aged AS (
    SELECT
        n.*,
        date_diff('second', n.taken_at, coalesce(CAST($as_of AS TIMESTAMP WITH TIME ZONE), now())) / 3600.0 AS age_hours
    FROM named AS n
)

SELECT
    a.cluster,
    w.snapshot_id,
    a.taken_at,
    round(a.age_hours, 1) AS age_hours,
    coalesce(a.age_hours > $max_age_hours, TRUE) AS is_stale,
    a.last_tried_at,
    a.snapshot_count,
    a.cluster_identity,
    a.identity_count,
    f.continued_as
FROM aged AS a
LEFT JOIN newest AS w ON w.cluster = a.cluster
LEFT JOIN followed AS f ON f.cluster = a.cluster
ORDER BY
    is_stale DESC,
    a.cluster
