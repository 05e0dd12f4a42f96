-- /// query
-- title = "Signature mismatches"
-- description = "Signatures that do not fit the Image they are recorded on: for another digest, for another repository, naming another key than the recorded issuer, or set to trusted though no key of the keyring made them. A signature copied from another image shows here and is a sign of an attack; a repository that differs is also what a mirror or a rename looks like."
-- value = "Signatures to look at by hand before anybody relies on them."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- image_name = "Name of the Image the signature is recorded on."
-- position = "Position in its list of signatures, from 0."
-- mismatch = "What does not fit, comma-separated: `digest`, `repository`, `issuer` (the recorded issuer is not the key it names), `condition` (Trusted, yet not verified by the keyring)."
-- claimed_digest = "Digest the payload claims."
-- claimed_reference = "Reference the payload claims."
-- reference = "Reference of the Image."
-- key_id = "Key the signature names."
-- issued_by_common_name = "Issuer as recorded."
-- is_trusted = "Whether its newest Trusted and ForImage conditions are True."
-- is_claimed_image_present = "Whether an Image of the claimed digest is in the same snapshot."
-- verification_state = "What the keyring says; null without one."
-- signer_user_id = "User id of the key that made it, where that is proven."
-- ///
WITH compared AS (
    SELECT
        s.*,
        o.reference,
        concat_ws(
            ', ',
            CASE WHEN NOT s.is_for_this_image THEN 'digest' END,
            CASE WHEN NOT s.is_identity_matching THEN 'repository' END,
            CASE
                -- The command that verifies writes the key id; others may write a name, which says nothing of the key.
                WHEN
                    regexp_full_match(s.issued_by_common_name, '[0-9A-Fa-f]{16}')
                    AND upper(s.issued_by_common_name) <> s.key_id
                    THEN 'issuer'
            END,
            CASE WHEN s.is_trusted AND NOT s.is_verified THEN 'condition' END
        ) AS mismatch
    FROM image_signatures AS s
    INNER JOIN image_objects AS o
        ON
            o.cluster = s.cluster
            AND o.snapshot_id = s.snapshot_id
            AND o.image_name = s.image_name
)

SELECT
    c.cluster,
    c.snapshot_id,
    c.image_name,
    c.position,
    c.mismatch,
    c.claimed_digest,
    c.claimed_reference,
    c.reference,
    c.key_id,
    c.issued_by_common_name,
    c.is_trusted,
    p.image_name IS NOT NULL AS is_claimed_image_present,
    c.verification_state,
    c.signer_user_id
FROM compared AS c
LEFT JOIN image_objects AS p
    ON
        p.cluster = c.cluster
        AND p.snapshot_id = c.snapshot_id
        AND p.image_name = c.claimed_digest
WHERE c.mismatch <> ''
ORDER BY
    c.cluster,
    c.snapshot_id,
    c.image_name,
    c.position
