-- What a signature claims is read without a key and proves nothing; conditions are claims as well, since whoever may
-- update images can write them. Only what the keys of a keyring say is proof, of the text they signed and no more.
WITH signed AS (
    SELECT
        s.cluster,
        s.snapshot_id,
        s.metadata.name AS image_name,
        CAST(e.place - 1 AS INTEGER) AS position,
        e.signature AS signature,
        -- Readings stand in the order of the signatures.
        s.signature_readings[e.place] AS reading,
        reference_host_and_path(s.docker_image_reference) AS host_and_path,
        sha256(coalesce(e.signature.content, '')) AS content_digest
    FROM stored_images AS s
    CROSS JOIN UNNEST(s.signatures) WITH ORDINALITY AS e (signature, place)
    WHERE s.signatures IS NOT NULL
),

trusted AS (
    SELECT
        c.cluster,
        c.snapshot_id,
        c.image_name,
        c.signature_position,
        -- The server wants Trusted and ForImage together; a later condition of a type replaces an earlier one.
        bool_or(c.type = 'Trusted' AND c.status = 'True')
        AND bool_or(c.type = 'ForImage' AND c.status = 'True') AS is_trusted
    FROM signature_conditions AS c
    WHERE c.is_newest
    GROUP BY
        c.cluster,
        c.snapshot_id,
        c.image_name,
        c.signature_position
),

claimed AS (
    SELECT
        s.*,
        v.key_state,
        v.signer_fingerprint,
        v.signing_key_fingerprint,
        v.signer_user_id,
        v.verified_digest IS NOT NULL AS has_verified_payload,
        -- What was verified counts before what was once read.
        coalesce(v.verified_reference, s.reading.claimed_reference) AS claimed_reference,
        coalesce(v.verified_digest, s.reading.claimed_digest) AS claimed_digest,
        reference_host_and_path(coalesce(v.verified_reference, s.reading.claimed_reference)) AS claimed_host_and_path
    FROM signed AS s
    LEFT JOIN signature_verifications AS v
        ON v.content_digest = s.content_digest
),

named AS (
    SELECT
        s.*,
        full_name(s.claimed_host_and_path) AS claimed_name,
        full_name(s.host_and_path) AS name_of_image
    FROM claimed AS s
),

judged AS (
    SELECT
        s.*,
        s.key_state = 'good' AS is_verified,
        s.claimed_digest = s.image_name AS is_for_this_image,
        -- By registry and repository: tags move, and one image has many.
        coalesce(c.registry, registry_of(s.claimed_name)) = coalesce(i.registry, registry_of(s.name_of_image))
        AND repository_of(s.claimed_name) = repository_of(s.name_of_image) AS is_identity_matching
    FROM named AS s
    LEFT JOIN registry_aliases AS c
        ON c.alias = registry_of(s.claimed_name)
    LEFT JOIN registry_aliases AS i
        ON i.alias = registry_of(s.name_of_image)
)

SELECT
    s.cluster,
    s.snapshot_id,
    s.image_name,
    s.position,
    s.signature.metadata.name AS signature_name,
    s.signature.type AS type,
    s.reading.content_size_bytes AS content_size_bytes,
    s.signature.created AS created_at,
    s.signature.image_identity AS image_identity,
    s.signature.issued_by.common_name AS issued_by_common_name,
    s.signature.issued_by.organization AS issued_by_organization,
    s.signature.issued_to.common_name AS issued_to_common_name,
    s.signature.issued_to.organization AS issued_to_organization,
    s.signature.issued_to.public_key_id AS issued_to_public_key_id,
    s.signature.metadata.creation_timestamp AS recorded_at,
    s.reading.state AS reading_state,
    s.claimed_reference,
    s.claimed_digest,
    s.reading.claimed_creator AS claimed_creator,
    s.reading.claimed_at AS claimed_at,
    s.reading.key_id AS key_id,
    s.reading.fingerprint AS fingerprint,
    s.reading.public_key_algorithm AS public_key_algorithm,
    s.reading.signature_created_at AS signature_created_at,
    s.reading.signature_expires_at AS signature_expires_at,
    s.reading.state = 'readable' AS is_readable,
    s.is_for_this_image,
    s.is_identity_matching,
    coalesce(t.is_trusted, FALSE) AS is_trusted,
    s.key_state,
    s.is_verified,
    CASE
        WHEN s.key_state IS NULL OR s.key_state <> 'good' THEN s.key_state
        WHEN NOT s.has_verified_payload THEN 'unreadable'
        WHEN NOT s.is_for_this_image THEN 'wrong-digest'
        WHEN NOT coalesce(s.is_identity_matching, FALSE) THEN 'wrong-identity'
        ELSE 'valid'
    END AS verification_state,
    s.signer_fingerprint,
    s.signing_key_fingerprint,
    s.signer_user_id
FROM judged AS s
LEFT JOIN trusted AS t
    ON
        t.cluster = s.cluster
        AND t.snapshot_id = s.snapshot_id
        AND t.image_name = s.image_name
        AND t.signature_position = s.position
