-- /// query
-- title = "Exposed ports"
-- description = "Ports that images declare, by how many do. A port without a protocol is TCP. What a container listens on may be something else."
-- value = "What network policies and routes have to expect, and images that ask for privileged ports below 1024."
-- digests = []
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- port = "Port, or range of ports."
-- protocol = "`tcp`, `udp` or `sctp`."
-- image_count = "Images that declare it."
-- repository_count = "Repositories among them; images without a reference count as one."
-- ///
WITH declared AS (
    SELECT
        o.cluster,
        o.snapshot_id,
        o.image_name,
        coalesce(o.registry || '/' || o.repository, '') AS repository,
        split_part(p.port, '/', 1) AS port,
        coalesce(nullif(lower(split_part(p.port, '/', 2)), ''), 'tcp') AS protocol
    FROM image_objects AS o
    CROSS JOIN UNNEST(o.exposed_ports) AS p (port)
)

SELECT
    d.cluster,
    d.snapshot_id,
    d.port,
    d.protocol,
    count(DISTINCT d.image_name) AS image_count,
    count(DISTINCT d.repository) AS repository_count
FROM declared AS d
GROUP BY d.cluster, d.snapshot_id, d.port, d.protocol
ORDER BY
    image_count DESC,
    d.port,
    d.protocol,
    d.cluster,
    d.snapshot_id
