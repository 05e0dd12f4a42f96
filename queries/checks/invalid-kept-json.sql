-- /// check
-- title = "Kept texts that are no JSON"
-- severity = "warn"
-- description = "Images whose kept manifest or config is not valid JSON. They are read as if the text had not been kept."
-- value = "Objects cut or edited by hand."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the finding is in."
-- subject = "Name of the Image."
-- detail = "Which text: `manifest` if both."
-- ///
SELECT
    s.cluster,
    s.snapshot_id,
    s.metadata.name AS subject,
    CASE
        WHEN NOT coalesce(json_valid(s.docker_image_manifest), TRUE) THEN 'manifest'
        ELSE 'config'
    END AS detail
FROM stored_images AS s
WHERE
    NOT coalesce(json_valid(s.docker_image_manifest), TRUE)
    OR NOT coalesce(json_valid(s.docker_image_config), TRUE)
ORDER BY
    s.cluster,
    s.snapshot_id,
    subject,
    detail
