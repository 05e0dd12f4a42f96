-- /// query
-- title = "Largest images"
-- description = "Images, indexes and artifacts by the bytes of their distinct layers. An index counts over its present children, once for each layer, so it repeats what its children say."
-- value = "Which images are slow to pull, and which would be worth slimming: exclusive bytes are what nothing else needs."
-- digests = ["image_name"]
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- image_name = "Name of the Image."
-- registry = "Registry of the first importer."
-- repository = "Repository of the first importer; null without a reference."
-- reference_tag = "Tag in the reference, if any."
-- kind = "`image`, `index` or `artifact`."
-- platform = "Platform of an image; null for an index."
-- logical_bytes = "Bytes of its distinct layers."
-- exclusive_bytes = "Bytes of layers only it holds."
-- shared_bytes = "Bytes of layers others hold as well."
-- foreign_bytes = "Bytes of its foreign layers: pulled from elsewhere."
-- config_bytes = "Bytes of its config blob; null when they can't be told."
-- manifest_bytes = "Bytes of its manifest, if kept or stated by an index."
-- declared_size_bytes = "Size the object declares."
-- distinct_layer_count = "Distinct layers."
-- unknown_size_layer_count = "Distinct layers nobody states a size for: they count 0 bytes."
-- child_count = "Distinct children an index lists."
-- present_child_count = "Children that are present."
-- first_seen_at = "When the cluster first stored it."
-- built_at = "When it was built, if known."
-- ///
SELECT
    i.cluster,
    i.snapshot_id,
    i.image_name,
    i.registry,
    i.repository,
    i.reference_tag,
    i.kind,
    i.platform,
    s.logical_bytes,
    s.exclusive_bytes,
    s.shared_bytes,
    s.foreign_bytes,
    s.config_bytes,
    s.manifest_bytes,
    i.declared_size_bytes,
    s.distinct_layer_count,
    s.unknown_size_layer_count,
    s.child_count,
    s.present_child_count,
    i.first_seen_at,
    i.built_at
FROM image_sizes AS s
INNER JOIN images AS i
    ON
        i.cluster = s.cluster
        AND i.snapshot_id = s.snapshot_id
        AND i.image_name = s.image_name
ORDER BY
    s.logical_bytes DESC,
    i.image_name,
    i.cluster,
    i.snapshot_id
