-- Evidence for the platform, best first: what an index says of the image, its kept config, its metadata, its label. The
-- operating system is in none of the last two; Windows shows in foreign base layers and in paths, anything else is
-- assumed to be Linux and marked so.
WITH entries AS (
    SELECT
        m.cluster,
        m.snapshot_id,
        m.child_digest,
        m.architecture,
        m.os,
        m.variant,
        min(m.raw_architecture) AS raw_architecture,
        count(DISTINCT m.image_name) AS index_count,
        bool_and(m.is_attestation) AS is_attestation
    FROM image_manifests AS m
    GROUP BY
        m.cluster,
        m.snapshot_id,
        m.child_digest,
        m.architecture,
        m.os,
        m.variant
),

parents AS (
    SELECT
        e.*,
        bool_and(e.is_attestation) OVER (
            PARTITION BY e.cluster, e.snapshot_id, e.child_digest
        ) AS is_only_attestation,
        -- Indexes may disagree: the platform most of them state counts, then the first by name.
        row_number() OVER (
            PARTITION BY e.cluster, e.snapshot_id, e.child_digest
            ORDER BY
                e.is_attestation,
                e.index_count DESC,
                e.os NULLS LAST,
                e.architecture NULLS LAST,
                e.variant NULLS FIRST
        ) AS preference
    FROM entries AS e
),

signed AS (
    SELECT
        s.cluster,
        s.snapshot_id,
        s.image_name,
        bool_or(s.is_trusted) AS is_trusted,
        bool_or(s.is_readable) AS has_readable_signature,
        bool_or(s.is_for_this_image) AS has_signature_for_it,
        bool_or(s.is_identity_matching) AS has_matching_identity,
        bool_or(s.is_verified) AS is_verified,
        bool_or(s.verification_state = 'valid') AS is_validly_signed
    FROM image_signatures AS s
    GROUP BY
        s.cluster,
        s.snapshot_id,
        s.image_name
),

signed_members AS (
    SELECT
        m.cluster,
        m.snapshot_id,
        m.member_name,
        bool_or(s.is_validly_signed) AS is_validly_signed
    FROM index_members AS m
    INNER JOIN signed AS s
        ON
            s.cluster = m.cluster
            AND s.snapshot_id = m.snapshot_id
            AND s.image_name = m.image_name
    GROUP BY
        m.cluster,
        m.snapshot_id,
        m.member_name
),

-- Of an index the server writes the moment it stored it as its build time; its newest child is what was built.
newest_children AS (
    SELECT
        m.cluster,
        m.snapshot_id,
        m.image_name,
        max(o.stated_created_at) AS created_at
    FROM image_manifests AS m
    INNER JOIN image_objects AS o
        ON
            o.cluster = m.cluster
            AND o.snapshot_id = m.snapshot_id
            AND o.image_name = m.child_digest
    WHERE
        NOT m.is_attestation
        AND NOT o.is_index
    GROUP BY
        m.cluster,
        m.snapshot_id,
        m.image_name
),

-- Without a keyring nobody was asked: unknown, not false.
keyring AS (
    SELECT count(*) > 0 AS is_given
    FROM keyring_keys
),

evidence AS (
    SELECT
        o.*,
        CASE
            WHEN o.is_index THEN 'index'
            WHEN o.artifact_type IS NOT NULL OR coalesce(p.is_only_attestation, FALSE) THEN 'artifact'
            ELSE 'image'
        END AS kind,
        nullif(p.architecture, 'unknown') AS index_architecture,
        nullif(p.os, 'unknown') AS index_os,
        p.variant AS index_variant,
        p.raw_architecture AS index_raw_architecture,
        coalesce(s.is_trusted, FALSE) AS is_trusted,
        coalesce(s.has_readable_signature, FALSE) AS has_readable_signature,
        coalesce(s.has_signature_for_it, FALSE) AS has_signature_for_it,
        coalesce(s.has_matching_identity, FALSE) AS has_matching_identity,
        CASE WHEN k.is_given THEN coalesce(s.is_verified, FALSE) END AS is_verified,
        CASE WHEN k.is_given THEN coalesce(s.is_validly_signed, FALSE) END AS is_validly_signed,
        CASE WHEN k.is_given THEN coalesce(v.is_validly_signed, FALSE) END AS is_validly_signed_via_index,
        p.child_digest IS NOT NULL AS is_in_index,
        v.member_name IS NOT NULL AS is_signed_via_index,
        CASE WHEN o.is_index THEN c.created_at ELSE o.stated_created_at END AS created_at
    FROM image_objects AS o
    CROSS JOIN keyring AS k
    LEFT JOIN parents AS p
        ON
            p.cluster = o.cluster
            AND p.snapshot_id = o.snapshot_id
            AND p.child_digest = o.image_name
            AND p.preference = 1
    LEFT JOIN signed AS s
        ON
            s.cluster = o.cluster
            AND s.snapshot_id = o.snapshot_id
            AND s.image_name = o.image_name
    LEFT JOIN signed_members AS v
        ON
            v.cluster = o.cluster
            AND v.snapshot_id = o.snapshot_id
            AND v.member_name = o.image_name
    LEFT JOIN newest_children AS c
        ON
            c.cluster = o.cluster
            AND c.snapshot_id = o.snapshot_id
            AND c.image_name = o.image_name
),

sourced AS (
    SELECT
        e.*,
        CASE
            WHEN e.kind = 'index' THEN NULL
            WHEN e.index_architecture IS NOT NULL THEN 'index'
            WHEN lower(e.config_architecture) <> 'unknown' THEN 'config'
            WHEN lower(e.stated_architecture) <> 'unknown' THEN 'metadata'
            WHEN e.kind = 'image' AND e.label_architecture <> '' THEN 'label'
            ELSE 'unknown'
        END AS platform_source,
        CASE
            WHEN e.kind = 'index' THEN NULL
            WHEN e.index_os IS NOT NULL THEN 'index'
            WHEN lower(e.config_os) <> 'unknown' THEN 'config'
            WHEN e.kind = 'artifact' THEN 'unknown'
            WHEN e.looks_like_windows THEN 'inferred'
            ELSE 'assumed'
        END AS os_source
    FROM evidence AS e
),

stated AS (
    SELECT
        e.*,
        CASE e.platform_source
            WHEN 'index' THEN e.index_raw_architecture
            WHEN 'config' THEN e.config_architecture
            WHEN 'metadata' THEN e.stated_architecture
            WHEN 'label' THEN e.label_architecture
            ELSE coalesce(e.index_raw_architecture, e.stated_architecture)
        END AS raw_architecture,
        CASE e.platform_source
            WHEN 'index' THEN e.index_architecture
            WHEN 'config' THEN lower(e.config_architecture)
            WHEN 'metadata' THEN lower(e.stated_architecture)
            WHEN 'label' THEN lower(e.label_architecture)
        END AS named_architecture,
        CASE e.platform_source
            WHEN 'index' THEN e.index_variant
            WHEN 'config' THEN lower(e.config_variant)
        END AS named_variant,
        CASE e.os_source
            WHEN 'index' THEN e.index_os
            WHEN 'config' THEN CASE lower(e.config_os) WHEN 'macos' THEN 'darwin' ELSE lower(e.config_os) END
            WHEN 'inferred' THEN 'windows'
            WHEN 'assumed' THEN 'linux'
        END AS os
    FROM sourced AS e
),

normalised AS (
    SELECT
        e.*,
        CASE
            WHEN n.spelling IS NOT NULL THEN n.architecture
            ELSE e.named_architecture
        END AS architecture,
        CASE
            WHEN n.spelling IS NOT NULL THEN n.variant
            ELSE e.named_variant
        END AS variant
    FROM stated AS e
    LEFT JOIN architecture_spellings AS n
        ON n.spelling = coalesce(e.named_architecture, '') || '/' || coalesce(e.named_variant, '')
)

SELECT
    e.cluster,
    e.snapshot_id,
    e.image_name,
    e.uid,
    e.resource_version,
    e.reference,
    e.registry,
    e.repository,
    e.reference_tag,
    e.reference_digest,
    e.kind,
    CASE
        WHEN e.kind = 'artifact' THEN coalesce(e.artifact_type, 'attestation')
    END AS artifact_type,
    e.manifest_media_type,
    e.os || '/' || e.architecture || coalesce('/' || e.variant, '') AS platform,
    e.architecture,
    e.os,
    e.variant,
    e.platform_source,
    e.os_source,
    e.raw_architecture,
    e.config_digest,
    e.layer_order_source,
    e.run_as_user,
    e.declared_size_bytes,
    e.layer_count,
    e.signature_count,
    e.schema1_signature_count,
    e.is_managed,
    e.signature_count > 0 AS is_signed,
    e.is_trusted,
    e.is_signed_via_index,
    e.has_readable_signature,
    e.has_signature_for_it,
    e.has_matching_identity,
    e.is_verified,
    e.is_validly_signed,
    e.is_validly_signed_via_index,
    e.is_in_index,
    -- Builders that want the same digest twice write the epoch or a date near it; before 1980 nobody built images.
    coalesce(e.created_at < TIMESTAMPTZ '1980-01-02 00:00:00+00', FALSE) AS is_built_at_sentinel,
    e.first_seen_at,
    CASE WHEN e.created_at >= TIMESTAMPTZ '1980-01-02 00:00:00+00' THEN e.created_at END AS built_at,
    e.raw_json
FROM normalised AS e
