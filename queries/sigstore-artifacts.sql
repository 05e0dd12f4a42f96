-- /// query
-- title = "Sigstore artifacts"
-- description = "Cosign and sigstore objects that were imported or pushed as Images of their own, by kind. Sigstore signatures live in the registry and never among the signatures of an Image, so absence here does not prove an image unsigned; and an artifact here is recognised by its media type only, nothing about it is verified."
-- value = "Whether sigstore is in use, and in how many repositories, before a missing signature is held against an image."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- artifact_type = "`cosign-signature`, `cosign-attestation` or `sigstore-bundle`; a row for each, also where there are none."
-- artifact_count = "Images of the kind."
-- repository_count = "Repositories they are in."
-- subject_count = "Distinct digests their tags name as what they are about."
-- present_subject_count = "Those among them that are Images of the same snapshot."
-- limitation = "What the figures do not say."
-- ///
WITH kinds AS (
    SELECT unnest(['cosign-signature', 'cosign-attestation', 'sigstore-bundle']) AS artifact_type
),

artifacts AS (
    SELECT
        a.cluster,
        a.snapshot_id,
        a.artifact_type,
        a.registry || '/' || a.repository AS place,
        -- cosign's tag for what it signs is sha256-<hex>.sig, for attestations .att.
        'sha256:' || nullif(regexp_extract(a.reference_tag, '^sha256-([0-9a-f]{64})\.', 1), '') AS subject
    FROM image_objects AS a
    WHERE a.artifact_type IS NOT NULL
)

SELECT
    s.cluster,
    s.snapshot_id,
    k.artifact_type,
    count(a.artifact_type) AS artifact_count,
    count(DISTINCT a.place) AS repository_count,
    count(DISTINCT a.subject) AS subject_count,
    count(DISTINCT i.image_name) AS present_subject_count,
    'Absence here does not prove an image unsigned.' AS limitation
FROM snapshots AS s
CROSS JOIN kinds AS k
LEFT JOIN artifacts AS a
    ON
        a.cluster = s.cluster
        AND a.snapshot_id = s.snapshot_id
        AND a.artifact_type = k.artifact_type
LEFT JOIN image_objects AS i
    ON
        i.cluster = a.cluster
        AND i.snapshot_id = a.snapshot_id
        AND i.image_name = a.subject
GROUP BY
    s.cluster,
    s.snapshot_id,
    k.artifact_type
ORDER BY
    s.cluster,
    s.snapshot_id,
    k.artifact_type
