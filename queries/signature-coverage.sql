-- /// query
-- title = "Signature coverage"
-- description = "Images and indexes of each repository or registry by evidence of a signature, artifacts left out. The levels are told apart, since each proves something else: a record, a readable payload, a claim for this digest, a claim for this repository, conditions somebody set to True, a signed index that lists the image, and with --keyring, a signature a key made."
-- value = "Which publishers sign, and how far that reaches: an index may be signed and its children not."
-- digests = []
-- [params.by]
-- type = "VARCHAR"
-- default = "repository"
-- help = "`repository` or `registry`: what a row is."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- registry = "Registry host; null for the images without a reference."
-- repository = "Repository path; null for the images without a reference, and by registry."
-- image_count = "Images and indexes, artifacts left out."
-- signed_count = "Those with a signature recorded."
-- unsigned_count = "Those without one; not proof that no signature exists elsewhere."
-- readable_count = "Those with a signature whose payload can be read."
-- for_image_count = "Those with a signature that claims their digest."
-- identity_count = "Those with a signature that claims their repository."
-- trusted_count = "Those with newest Trusted and ForImage conditions True: a claim, not proof."
-- verified_count = "Those with a signature a key of the keyring made; null without a keyring."
-- valid_count = "Those with one that is, besides, for their digest and repository; null without a keyring."
-- via_index_count = "Those without a signature of their own that a signed index lists."
-- managed_count = "Those pushed to the integrated registry, for which the cluster fetches no signatures."
-- signed_share = "Signed over all."
-- ///
WITH grouped AS (
    SELECT
        i.*,
        CASE $by
            WHEN 'repository' THEN i.repository
            WHEN 'registry' THEN NULL
            ELSE error('by is repository or registry')
        END AS shown_repository
    FROM images AS i
    WHERE i.kind <> 'artifact'
)

SELECT
    g.cluster,
    g.snapshot_id,
    g.registry,
    g.shown_repository AS repository,
    count(*) AS image_count,
    count(*) FILTER (WHERE g.is_signed) AS signed_count,
    count(*) FILTER (WHERE NOT g.is_signed) AS unsigned_count,
    count(*) FILTER (WHERE g.has_readable_signature) AS readable_count,
    count(*) FILTER (WHERE g.has_signature_for_it) AS for_image_count,
    count(*) FILTER (WHERE g.has_matching_identity) AS identity_count,
    count(*) FILTER (WHERE g.is_trusted) AS trusted_count,
    CAST(sum(CAST(g.is_verified AS INTEGER)) AS BIGINT) AS verified_count,
    CAST(sum(CAST(g.is_validly_signed AS INTEGER)) AS BIGINT) AS valid_count,
    count(*) FILTER (WHERE NOT g.is_signed AND g.is_signed_via_index) AS via_index_count,
    count(*) FILTER (WHERE g.is_managed) AS managed_count,
    round(CAST(count(*) FILTER (WHERE g.is_signed) AS DOUBLE) / count(*), 4) AS signed_share
FROM grouped AS g
GROUP BY
    g.cluster,
    g.snapshot_id,
    g.registry,
    g.shown_repository
ORDER BY
    g.cluster,
    g.snapshot_id,
    g.registry NULLS FIRST,
    repository NULLS FIRST
