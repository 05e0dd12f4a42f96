WITH signed AS (
    SELECT
        s.cluster,
        s.snapshot_id,
        s.metadata.name AS image_name,
        e.signature.metadata.name AS signature_name,
        e.signature.signed_claims AS claims
    FROM stored_images AS s
    CROSS JOIN UNNEST(s.signatures) AS e (signature)
)

SELECT
    s.cluster,
    s.snapshot_id,
    s.image_name,
    s.signature_name,
    c.claim.key AS key,
    c.claim.value AS value
FROM signed AS s
CROSS JOIN UNNEST(map_entries(s.claims)) AS c (claim)
