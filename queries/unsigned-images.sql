-- /// query
-- title = "Unsigned images"
-- description = "Images and indexes that lack evidence of a signature, at the level you ask for; artifacts are left out. Image objects hold only signatures recorded in the cluster: a cosign signature, or one in a signature store the cluster never reached, does not show here, so a row is no proof that an image is unsigned. absence_limits names what the absence may come from."
-- value = "Where a policy that asks for signatures would refuse images, and where to look for their signatures first."
-- digests = ["image_name"]
-- [params.level]
-- type = "VARCHAR"
-- default = "record"
-- help = "What is missing. record: a signature recorded; effective: one recorded on it or on an index that lists it; readable: one whose payload can be read; for-image: one that claims this digest; identity: one that claims this repository; trusted: one with newest Trusted and ForImage conditions True; and with --keyring, verified: one made by a key; valid: one made by a key, for this digest and repository; valid-effective: a valid one on it or on an index that lists it."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- image_name = "Name of the Image."
-- registry = "Registry of the first importer."
-- repository = "Repository of the first importer; null without a reference."
-- kind = "`image` or `index`."
-- platform = "Platform of an image; null for an index."
-- signature_count = "Signatures recorded; above 0 only at stricter levels."
-- absence_limits = "Why the absence proves little, comma-separated. recorded: a signature is there, short of the level; index-signed: an index that lists it has one; child-signed: an image this index lists has one; pushed: the cluster looks for no signatures of pushed images, somebody has to add them; store-unknown: the cluster looks into the registry's signature store, if it knows and reaches one, and does not say so when it fails; index-unknown: no index here lists it, so the signature of an index it came from can't show; sigstore-seen: sigstore artifacts of its repository are among the Images."
-- is_managed = "Whether it was pushed to the integrated registry; for other images the cluster tries to fetch signatures."
-- is_signed_via_index = "Whether an index that lists it has a signature recorded."
-- is_in_index = "Whether an index of the snapshot lists it; an image imported out of its index has lost the index's signature."
-- first_seen_at = "When the cluster first stored it."
-- ///
WITH described AS (
    SELECT
        i.*,
        CASE $level
            WHEN 'record' THEN i.is_signed
            WHEN 'effective' THEN i.is_signed OR i.is_signed_via_index
            WHEN 'readable' THEN i.has_readable_signature
            WHEN 'for-image' THEN i.has_signature_for_it
            WHEN 'identity' THEN i.has_matching_identity
            WHEN 'trusted' THEN i.is_trusted
            WHEN 'verified' THEN i.is_verified
            WHEN 'valid' THEN i.is_validly_signed
            WHEN 'valid-effective' THEN i.is_validly_signed OR i.is_validly_signed_via_index
            ELSE
                error(
                    'level is record, effective, readable, for-image, identity, trusted, verified, valid or '
                    || 'valid-effective'
                )
        END AS has_evidence
    FROM images AS i
    WHERE i.kind <> 'artifact'
),

signed_children AS (
    SELECT DISTINCT
        m.cluster,
        m.snapshot_id,
        m.image_name
    FROM index_members AS m
    INNER JOIN image_objects AS o
        ON
            o.cluster = m.cluster
            AND o.snapshot_id = m.snapshot_id
            AND o.image_name = m.member_name
    WHERE o.signature_count > 0
),

sigstore AS (
    SELECT DISTINCT
        a.cluster,
        a.snapshot_id,
        a.registry,
        a.repository
    FROM image_objects AS a
    WHERE a.artifact_type IN ('cosign-signature', 'cosign-attestation', 'sigstore-bundle')
)

SELECT
    d.cluster,
    d.snapshot_id,
    d.image_name,
    d.registry,
    d.repository,
    d.kind,
    d.platform,
    d.signature_count,
    concat_ws(
        ', ',
        CASE WHEN d.is_signed THEN 'recorded' END,
        CASE WHEN d.is_signed_via_index THEN 'index-signed' END,
        CASE WHEN c.image_name IS NOT NULL THEN 'child-signed' END,
        CASE WHEN d.is_managed THEN 'pushed' ELSE 'store-unknown' END,
        CASE WHEN d.kind = 'image' AND NOT d.is_in_index THEN 'index-unknown' END,
        CASE WHEN t.cluster IS NOT NULL THEN 'sigstore-seen' END
    ) AS absence_limits,
    d.is_managed,
    d.is_signed_via_index,
    d.is_in_index,
    d.first_seen_at
FROM described AS d
LEFT JOIN signed_children AS c
    ON
        c.cluster = d.cluster
        AND c.snapshot_id = d.snapshot_id
        AND c.image_name = d.image_name
LEFT JOIN sigstore AS t
    ON
        t.cluster = d.cluster
        AND t.snapshot_id = d.snapshot_id
        AND t.registry = d.registry
        AND t.repository = d.repository
WHERE
    CASE
        WHEN d.has_evidence IS NULL THEN error('The levels verified, valid and valid-effective need --keyring.')
        ELSE NOT d.has_evidence
    END
ORDER BY
    d.cluster,
    d.snapshot_id,
    d.registry NULLS FIRST,
    d.repository NULLS FIRST,
    d.image_name
