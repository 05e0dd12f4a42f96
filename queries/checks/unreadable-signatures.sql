-- /// check
-- title = "Signatures that can't be read"
-- severity = "warn"
-- description = "Signatures whose content is not one OpenPGP signature over an atomic payload."
-- value = "Signatures that count as recorded but prove nothing to anybody."
-- [columns]
-- cluster = "Cluster the snapshot was taken of."
-- snapshot_id = "Snapshot the finding is in."
-- subject = "Name of the Image."
-- detail = "Which signature, and why."
-- ///
SELECT
    s.cluster,
    s.snapshot_id,
    s.image_name AS subject,
    'signature at position ' || s.position || ': ' || coalesce(s.reading_state, 'no content') AS detail
FROM image_signatures AS s
WHERE s.reading_state IS DISTINCT FROM 'readable'
ORDER BY
    s.cluster,
    s.snapshot_id,
    subject,
    detail
