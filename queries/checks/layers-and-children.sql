-- /// check
-- title = "Layers and children in one object"
-- severity = "fail"
-- description = "Objects that have both layers and children, which a server refuses. One side is left out of all figures: the media type decides which."
-- value = "Hand-made or damaged objects."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the finding is in."
-- subject = "Name of the Image."
-- detail = "How many of each."
-- ///
SELECT
    s.cluster,
    s.snapshot_id,
    s.metadata.name AS subject,
    array_length(s.docker_image_layers) || ' layers and ' || array_length(s.docker_image_manifests) || ' children' AS detail
FROM stored_images AS s
WHERE
    s.docker_image_layers IS NOT NULL
    AND s.docker_image_manifests IS NOT NULL
ORDER BY
    s.cluster,
    s.snapshot_id,
    subject,
    detail
