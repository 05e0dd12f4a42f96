-- One object at a time, no joins but the aliases: whatever can be said of an Image without looking at the others.
WITH stated AS (
    SELECT
        s.*,
        reference_host_and_path(s.docker_image_reference) AS host_and_path,
        s.metadata.annotations['image.openshift.io/dockerLayersOrder'] AS layers_order,
        -- The kept texts are whatever was posted; invalid JSON would end a whole query.
        CASE
            WHEN json_valid(s.docker_image_manifest) THEN s.docker_image_manifest
        END AS manifest_json,
        CASE
            WHEN json_valid(s.docker_image_config) THEN s.docker_image_config
        END AS config_json,
        s.docker_image_manifest_media_type IN (
            'application/vnd.docker.distribution.manifest.list.v2+json',
            'application/vnd.oci.image.index.v1+json'
        ) AS is_index_media_type,
        s.docker_image_manifest_media_type IN (
            'application/vnd.docker.distribution.manifest.v1+json',
            'application/vnd.docker.distribution.manifest.v1+prettyjws'
        ) AS is_schema1_media_type,
        s.docker_image_manifest_media_type IN (
            'application/vnd.docker.distribution.manifest.v2+json',
            'application/vnd.oci.image.manifest.v1+json'
        ) AS is_image_media_type
    FROM stored_images AS s
),

classed AS (
    SELECT
        s.*,
        full_name(s.host_and_path) AS full_name,
        -- The server refuses objects with both layers and children; in hand-made ones the media type decides, so that
        -- bytes are counted on one side only.
        coalesce(s.is_index_media_type, FALSE) OR (
            s.docker_image_manifests IS NOT NULL
            AND NOT (
                s.docker_image_layers IS NOT NULL
                AND coalesce(s.is_image_media_type OR s.is_schema1_media_type, FALSE)
            )
        ) AS is_index
    FROM stated AS s
),

typed AS (
    SELECT
        l.*,
        -- An artifact holds one kind of content, so its first layer tells.
        lower(l.docker_image_layers[1].media_type) AS first_layer_media_type,
        json_extract_string(l.manifest_json, '$.config.mediaType') AS config_media_type,
        json_extract_string(l.manifest_json, '$.artifactType') AS stated_artifact_type,
        CASE
            WHEN NOT l.is_index THEN l.docker_image_layers
        END AS layers,
        CASE
            WHEN l.is_index OR l.docker_image_layers IS NULL THEN NULL
            WHEN l.layers_order = 'ascending' THEN 'annotation-ascending'
            WHEN l.layers_order = 'descending' THEN 'annotation-descending'
            -- Pushed objects carry the annotation with an empty value, and the server leaves such lists as they are.
            WHEN l.layers_order IS NOT NULL THEN 'annotation-empty'
            WHEN l.is_schema1_media_type THEN 'default-schema1'
            -- Old servers stored schema 2 top first and wrote no annotation (openshift-apiserver, reorderImageLayers).
            WHEN l.is_image_media_type THEN 'default-reversed'
            ELSE 'default-unknown'
        END AS layer_order_source
    FROM classed AS l
),

ordered AS (
    SELECT
        t.*,
        coalesce(t.layer_order_source IN ('annotation-descending', 'default-reversed'), FALSE) AS is_stored_top_first,
        list_transform(t.layers, lambda layer : layer.name) AS layer_digests
    FROM typed AS t
)

SELECT
    l.cluster,
    l.snapshot_id,
    l.metadata.name AS image_name,
    l.metadata.uid AS uid,
    l.metadata.resource_version AS resource_version,
    l.docker_image_reference AS reference,
    coalesce(a.registry, registry_of(l.full_name)) AS registry,
    repository_of(l.full_name) AS repository,
    reference_tag(l.docker_image_reference) AS reference_tag,
    reference_digest(l.docker_image_reference) AS reference_digest,
    l.docker_image_manifest_media_type AS manifest_media_type,
    l.layer_order_source,
    l.layers,
    coalesce(array_length(l.layers), 0) AS layer_count,
    md5(
        array_to_string(CASE WHEN l.is_stored_top_first THEN list_reverse(l.layer_digests) ELSE l.layer_digests END, ' ')
    ) AS layers_digest,
    CASE
        WHEN l.is_index THEN l.docker_image_manifests
    END AS children,
    CASE
        -- An index repeats its own digest as Id, schema 1 has a bare v1 id: neither names a config blob.
        WHEN NOT l.is_index AND l.docker_image_metadata.id LIKE '%:%' THEN l.docker_image_metadata.id
    END AS config_digest,
    CASE
        WHEN l.is_index THEN NULL
        WHEN l.first_layer_media_type LIKE 'application/vnd.in-toto%' THEN 'attestation'
        WHEN l.first_layer_media_type LIKE 'application/vnd.dev.cosign.simplesigning%' THEN 'cosign-signature'
        WHEN l.first_layer_media_type LIKE 'application/vnd.dsse.envelope%' THEN 'cosign-attestation'
        WHEN l.first_layer_media_type LIKE 'application/vnd.dev.sigstore.bundle%' THEN 'sigstore-bundle'
        WHEN l.first_layer_media_type LIKE 'application/vnd.cncf.helm.%' THEN 'helm-chart'
        WHEN l.first_layer_media_type LIKE '%wasm%' THEN 'wasm-module'
        WHEN
            l.first_layer_media_type LIKE '%spdx%'
            OR l.first_layer_media_type LIKE '%cyclonedx%'
            OR l.first_layer_media_type LIKE '%syft%'
            THEN 'sbom'
        -- The config of other artifacts is the empty object, or of a type no container runtime reads.
        WHEN l.docker_image_metadata.id = 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'
            THEN coalesce(l.stated_artifact_type, 'other')
        WHEN
            l.config_media_type NOT IN (
                'application/vnd.docker.container.image.v1+json',
                'application/vnd.oci.image.config.v1+json',
                'application/octet-stream'
            )
            THEN coalesce(l.stated_artifact_type, 'other')
        -- Without the manifest, only content that is no file system and a config that says nothing give it away.
        WHEN
            l.first_layer_media_type NOT LIKE '%rootfs%'
            AND l.first_layer_media_type NOT LIKE '%.image.layer.%'
            AND l.first_layer_media_type <> 'application/octet-stream'
            AND l.docker_image_metadata.config IS NULL
            AND l.docker_image_metadata.created IS NULL
            THEN 'other'
    END AS artifact_type,
    l.docker_image_metadata.architecture AS stated_architecture,
    nullif(json_extract_string(l.config_json, '$.architecture'), '') AS config_architecture,
    nullif(json_extract_string(l.config_json, '$.os'), '') AS config_os,
    nullif(json_extract_string(l.config_json, '$.variant'), '') AS config_variant,
    l.docker_image_metadata.config.labels['architecture'] AS label_architecture,
    -- Foreign layers lie at the base; where that is depends on the stored order, so both ends are looked at.
    coalesce(l.layers[1].media_type LIKE '%.foreign.%', FALSE)
    OR coalesce(l.layers[-1].media_type LIKE '%.foreign.%', FALSE)
    OR coalesce(l.layers[1].media_type LIKE '%.nondistributable.%', FALSE)
    OR coalesce(l.layers[-1].media_type LIKE '%.nondistributable.%', FALSE)
    OR regexp_matches(
        lower(
            concat_ws(
                ' ',
                l.docker_image_metadata.config.working_dir,
                array_to_string(l.docker_image_metadata.config.entrypoint, ' '),
                array_to_string(l.docker_image_metadata.config.cmd, ' ')
            )
        ),
        '(^|[^a-z])c:[\\/]|cmd\.exe|powershell'
    ) AS looks_like_windows,
    l.docker_image_metadata.config.labels AS labels,
    l.metadata.annotations AS annotations,
    l.docker_image_metadata.config.env AS env,
    l.docker_image_metadata.config.exposed_ports AS exposed_ports,
    l.docker_image_metadata.config.entrypoint AS entrypoint,
    l.docker_image_metadata.config.cmd AS cmd,
    l.docker_image_metadata.config.working_dir AS working_dir,
    l.docker_image_metadata.config.user AS run_as_user,
    l.docker_image_manifest AS manifest_text,
    l.docker_image_config AS config_text,
    l.manifest_json,
    l.config_json,
    CAST(bit_length(l.manifest_json) / 8 AS BIGINT) AS kept_manifest_bytes,
    CAST(bit_length(l.config_json) / 8 AS BIGINT) AS kept_config_bytes,
    CASE
        WHEN l.docker_image_metadata.size > 0 THEN l.docker_image_metadata.size
    END AS declared_size_bytes,
    coalesce(array_length(l.signatures), 0) AS signature_count,
    coalesce(array_length(l.docker_image_signatures), 0) AS schema1_signature_count,
    l.is_index,
    l.docker_image_metadata.config IS NOT NULL AS has_config,
    coalesce(l.is_schema1_media_type, FALSE) AS is_schema1,
    l.is_stored_top_first,
    coalesce(l.metadata.annotations['openshift.io/image.managed'] = 'true', FALSE) AS is_managed,
    l.metadata.creation_timestamp AS first_seen_at,
    l.docker_image_metadata.created AS stated_created_at,
    l.raw_json
FROM ordered AS l
LEFT JOIN registry_aliases AS a
    ON a.alias = registry_of(l.full_name)
