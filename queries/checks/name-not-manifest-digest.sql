-- /// check
-- title = "Name is not the digest of the manifest"
-- severity = "fail"
-- description = "Images whose kept manifest has another sha256 than their name says. Signed schema 1 manifests are left out: their name is the digest of the text without the signatures."
-- value = "An object that describes something else than it is called: damaged, or made to mislead."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the finding is in."
-- subject = "Name of the Image."
-- detail = "Digest of the kept manifest."
-- ///
SELECT
    s.cluster,
    s.snapshot_id,
    s.metadata.name AS subject,
    'the manifest has sha256:' || sha256(s.docker_image_manifest) AS detail
FROM stored_images AS s
WHERE
    s.docker_image_manifest IS NOT NULL
    AND s.metadata.name LIKE 'sha256:%'
    AND NOT CASE
        WHEN json_valid(s.docker_image_manifest) THEN json_exists(s.docker_image_manifest, '$.signatures')
        ELSE FALSE
    END
    AND s.metadata.name <> 'sha256:' || sha256(s.docker_image_manifest)
ORDER BY
    s.cluster,
    s.snapshot_id,
    subject,
    detail
