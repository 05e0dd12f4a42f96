-- /// check
-- title = "Config digest mismatch"
-- severity = "fail"
-- description = "Images whose kept config has another sha256 than the config digest they state."
-- value = "An object whose environment, user and history may not be those of the image."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the finding is in."
-- subject = "Name of the Image."
-- detail = "Stated digest and that of the kept config."
-- ///
SELECT
    s.cluster,
    s.snapshot_id,
    s.metadata.name AS subject,
    'states ' || s.docker_image_metadata.id || ', the config has sha256:' || sha256(s.docker_image_config) AS detail
FROM stored_images AS s
WHERE
    s.docker_image_config IS NOT NULL
    AND s.docker_image_metadata.id LIKE 'sha256:%'
    AND s.docker_image_metadata.id <> 'sha256:' || sha256(s.docker_image_config)
ORDER BY
    s.cluster,
    s.snapshot_id,
    subject,
    detail
