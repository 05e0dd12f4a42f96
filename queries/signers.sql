-- /// query
-- title = "Signers"
-- description = "Every key that signatures name, and what it is said to have signed. Without --keyring a key is a claim of whoever wrote the signature, and key ids can be imitated; with one, verified_count is what its keys made, and names are those of the keyring. Signatures that name no key (unreadable ones, sigstore) are a row without key."
-- value = "Who signs what here, which keys to look up, and which of them expire, are revoked or unknown."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- key_id = "Key id, 16 upper-case hex digits; null where none is named."
-- fingerprint = "Fingerprint of the signing key; null where signatures state only the key id."
-- user_id = "User id of its certificate in the keyring; null without one, and where a key id alone means several keys."
-- public_key_algorithm = "Algorithm of the key."
-- signature_count = "Signatures that name the key."
-- image_count = "Images and indexes they are recorded on."
-- repository_count = "Repositories of these images; those without a reference count as one."
-- registries = "Registries of these images, comma-separated."
-- verified_count = "Signatures the key made; null without a keyring."
-- unverified_states = "Other outcomes, comma-separated, such as `bad` or `key-expired`; null when there are none or no keyring."
-- mismatch_count = "Signatures that claim another digest or repository than those of their Image."
-- first_signed_at = "Earliest time a signature states."
-- last_signed_at = "Latest time a signature states."
-- ///
WITH signatures AS (
    SELECT
        s.*,
        o.registry,
        o.repository,
        coalesce(NOT s.is_for_this_image, FALSE) OR coalesce(NOT s.is_identity_matching, FALSE) AS is_mismatch,
        CASE WHEN NOT s.is_verified THEN s.key_state END AS unverified_state
    FROM image_signatures AS s
    INNER JOIN image_objects AS o
        ON
            o.cluster = s.cluster
            AND o.snapshot_id = s.snapshot_id
            AND o.image_name = s.image_name
),

certified AS (
    SELECT
        k.fingerprint,
        min(k.user_id) AS user_id
    FROM keyring_keys AS k
    GROUP BY k.fingerprint
),

named AS (
    SELECT
        k.key_id,
        CASE WHEN count(DISTINCT k.fingerprint) = 1 THEN min(k.user_id) END AS user_id
    FROM keyring_keys AS k
    GROUP BY k.key_id
)

SELECT
    s.cluster,
    s.snapshot_id,
    s.key_id,
    s.fingerprint,
    coalesce(min(k.user_id), min(u.user_id)) AS user_id,
    min(s.public_key_algorithm) AS public_key_algorithm,
    count(*) AS signature_count,
    count(DISTINCT s.image_name) AS image_count,
    count(DISTINCT coalesce(s.registry || '/' || s.repository, '')) AS repository_count,
    string_agg(DISTINCT s.registry, ', ' ORDER BY s.registry) AS registries,
    CAST(sum(CAST(s.is_verified AS INTEGER)) AS BIGINT) AS verified_count,
    string_agg(DISTINCT s.unverified_state, ', ' ORDER BY s.unverified_state) AS unverified_states,
    count(*) FILTER (WHERE s.is_mismatch) AS mismatch_count,
    min(s.signature_created_at) AS first_signed_at,
    max(s.signature_created_at) AS last_signed_at
FROM signatures AS s
LEFT JOIN certified AS k
    ON k.fingerprint = s.fingerprint
LEFT JOIN named AS u
    ON
        u.key_id = s.key_id
        AND s.fingerprint IS NULL
GROUP BY
    s.cluster,
    s.snapshot_id,
    s.key_id,
    s.fingerprint
ORDER BY
    s.cluster,
    s.snapshot_id,
    signature_count DESC,
    s.key_id NULLS LAST,
    s.fingerprint NULLS LAST
