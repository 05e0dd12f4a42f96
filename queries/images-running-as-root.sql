-- /// query
-- title = "Images that run as root"
-- description = "Images whose config names no user, or user 0 or root. On OpenShift the restricted policy runs them with another user all the same, unless the workload may choose. Windows images, artifacts and images without a config in their metadata are left out."
-- value = "Images that need a privileged policy, or break without one."
-- digests = ["image_name"]
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the row comes from."
-- image_name = "Name of the Image."
-- registry = "Registry of the first importer."
-- repository = "Repository of the first importer; null without a reference."
-- platform = "Platform of the image."
-- run_as_user = "User, and optionally group, as the config states it; null when it names none."
-- is_managed = "Whether it was pushed to the integrated registry first."
-- first_seen_at = "When the cluster first stored it."
-- ///
SELECT
    i.cluster,
    i.snapshot_id,
    i.image_name,
    i.registry,
    i.repository,
    i.platform,
    i.run_as_user,
    i.is_managed,
    i.first_seen_at
FROM images AS i
INNER JOIN image_objects AS o USING (cluster, snapshot_id, image_name)
WHERE
    i.kind = 'image'
    AND o.has_config
    AND i.os <> 'windows'
    AND coalesce(split_part(i.run_as_user, ':', 1), '0') IN ('', '0', 'root')
ORDER BY
    i.cluster,
    i.snapshot_id,
    i.image_name
